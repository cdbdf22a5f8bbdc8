package cdcp_test

import (
	"bytes"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fences returns the blocks of a Markdown text that stand between fences of this language ("": of none), without the fences.
func fences(text, language string) []string {
	var blocks []string
	var block strings.Builder
	in, wanted := false, false
	for line := range strings.Lines(text) {
		if info, fence := strings.CutPrefix(line, "```"); !fence {
			block.WriteString(line)
			continue
		} else if in && wanted {
			blocks = append(blocks, block.String())
		} else if !in {
			wanted = strings.TrimSpace(info) == language
		}
		in = !in
		block.Reset()
	}
	return blocks
}

// TestReadmeExample: the Go program in README.md is the example of this package, and what README.md says that it prints is
// what the example is checked to print.
func TestReadmeExample(t *testing.T) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "example_test.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	examples := doc.Examples(file)
	if len(examples) != 1 || examples[0].Play == nil {
		t.Fatalf("example_test.go has %d examples, want one that can be shown as a program", len(examples))
	}
	var program bytes.Buffer
	if err := format.Node(&program, set, examples[0].Play); err != nil {
		t.Fatal(err)
	}
	readme := read(t, "README.md")
	blocks := fences(readme, "go")
	if len(blocks) != 1 {
		t.Fatalf("README.md has %d blocks of Go, want one", len(blocks))
	}
	if blocks[0] != program.String() {
		t.Errorf("the Go program in README.md is\n%s\nand not the example, which as a program is\n%s", blocks[0], program.String())
	}
	_, behind, _ := strings.Cut(readme, blocks[0])
	if output := fences(strings.TrimPrefix(behind, "```\n"), ""); len(output) == 0 || output[0] != examples[0].Output {
		t.Errorf("the block behind the Go program in README.md is not what the example prints:\n%s", examples[0].Output)
	}
}

// TestReadmePicture: the picture of a frame in README.md is that of SPEC.md.
func TestReadmePicture(t *testing.T) {
	_, layout, _ := strings.Cut(read(t, "SPEC.md"), "\n### 3.1 Layout\n")
	blocks := fences(layout, "")
	if len(blocks) == 0 {
		t.Fatal("SPEC.md section 3.1 has no picture")
	}
	if !strings.Contains(read(t, "README.md"), blocks[0]) {
		t.Errorf("README.md does not have the picture of SPEC.md section 3.1:\n%s", blocks[0])
	}
}

var (
	fenced     = regexp.MustCompile("(?ms)^```.*?^```$")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.*?) *#*$`)
	link       = regexp.MustCompile(`\]\(([^()\s]+)(?: "[^"]*")?\)|(?m:^\[[^\]]+\]: +(\S+))`)
	scheme     = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
)

// anchors returns the anchors of the headings of a Markdown text, in the manner of code hosts: in lower case, without
// punctuation, with hyphens for spaces, and with a number from the second of a name on.
func anchors(text string) map[string]bool {
	seen := make(map[string]int)
	all := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c):
				return unicode.ToLower(c)
			}
			return -1
		}, m[1])
		if n := seen[name]; n > 0 {
			all[name+"-"+strconv.Itoa(n)] = true
		} else {
			all[name] = true
		}
		seen[name]++
	}
	return all
}

func TestAnchors(t *testing.T) {
	got := anchors("# A `b`: c-d\n\n## 9 State machines (outline)\n\n```\n# no heading\n```\n\n# Twice\n# Twice #\n")
	want := map[string]bool{"a-b-c-d": true, "9-state-machines-outline": true, "twice": true, "twice-1": true}
	if !maps.Equal(got, want) {
		t.Errorf("anchors are %v, want %v", got, want)
	}
}

// links returns the targets of the links of a Markdown text that stay in the repository.
func links(text string) []string {
	var targets []string
	text = inlineCode.ReplaceAllString(fenced.ReplaceAllString(text, ""), "``")
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if target := m[1] + m[2]; !scheme.MatchString(target) {
			targets = append(targets, target)
		}
	}
	return targets
}

// brokenLinks counts the links of the Markdown file name in fsys, and says which of them lead nowhere.
func brokenLinks(fsys fs.FS, name string) (count int, broken []string, err error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return 0, nil, err
	}
	targets := links(string(b))
	for _, target := range targets {
		file, anchor, _ := strings.Cut(target, "#")
		where := name
		if file != "" {
			where = path.Join(path.Dir(name), file)
		}
		text := []byte(nil)
		info, err := fs.Stat(fsys, where)
		if err == nil && !info.IsDir() {
			text, err = fs.ReadFile(fsys, where)
		}
		switch {
		case err != nil:
			broken = append(broken, target+": "+err.Error())
		case anchor != "" && !anchors(string(text))[anchor]:
			broken = append(broken, target+": no such heading in "+where)
		}
	}
	return len(targets), broken, nil
}

// TestBrokenLinks shows to brokenLinks what it is to find.
func TestBrokenLinks(t *testing.T) {
	fsys := fstest.MapFS{
		"a/x.md": {Data: []byte("[1](y.md) [2](../z.md#top) [3](#own) [4](https://example.org/none) [`5`](y.md)\n[6]: y.md\n# Own\n" +
			"`[7](none)` [8](none.md) [9](y.md#none)\n```\n[10](none)\n```\n[11](../../z.md)")},
		"a/y.md": {Data: []byte("# Y\n")},
		"z.md":   {Data: []byte("## Top\n")},
	}
	count, broken, err := brokenLinks(fsys, "a/x.md")
	text := strings.Join(broken, "\n")
	if err != nil || count != 8 || len(broken) != 3 {
		t.Errorf("%d links, broken %q, %v; want 8, of which 3 are broken", count, broken, err)
	}
	for _, want := range []string{"none.md: ", "y.md#none: no such heading", "../../z.md: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not found broken in %q", want, text)
		}
	}
}

// TestLinks: every link of the documents that stays in the repository leads to a file and, where it names one, to a heading.
func TestLinks(t *testing.T) {
	root := os.DirFS(".")
	for _, pattern := range []string{"*.md", "testdata/*.md", "conformance/ports/python/*.md"} {
		names, err := fs.Glob(root, pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(names), err)
		}
		n := 0
		for _, name := range names {
			found, broken, err := brokenLinks(root, name)
			if err != nil {
				t.Fatal(err)
			}
			n += found
			for _, b := range broken {
				t.Errorf("%s links to %s", name, b)
			}
		}
		t.Logf("%s: %d links in %d files", pattern, n, len(names))
		if pattern == "*.md" && n < 20 {
			t.Errorf("%s: %d links were found", pattern, n)
		}
	}
}

// machinePath matches an absolute path of the machine on which somebody worked. It does not match itself.
var machinePath = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])/(?:home|root|work|tmp)/\S*`)

// TestMachinePath shows to machinePath what it is to find, and what not. @ stands for a slash, or this file would have a path.
func TestMachinePath(t *testing.T) {
	for text, want := range map[string]bool{
		"cd @home@me@x": true, "@tmp@x": true, `"@root@go"`: true, "file:@@@work@x": true,
		"a@work@b": false, "..@tmp@x": false, "@workshop@x": false, "@homes": false,
	} {
		if got := machinePath.MatchString(strings.ReplaceAll(text, "@", "/")); got != want {
			t.Errorf("%s: found is %v, want %v", text, got, want)
		}
	}
}

// TestMachinePaths: no text file of the repository names a path of somebody's machine.
func TestMachinePaths(t *testing.T) {
	n := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
			return nil
		}
		n++
		for i, line := range strings.Split(string(b), "\n") {
			if m := machinePath.FindString(line); m != "" {
				t.Errorf("%s:%d names %q", name, i+1, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 20 {
		t.Errorf("%d text files were found", n)
	}
}
