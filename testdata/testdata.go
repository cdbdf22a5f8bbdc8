// Package testdata embeds the golden vectors, the scripts, their schemas, and what SPEC.md says of clauses and errors.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed spec.json vectors/*.jsonl schema/*.json scripts/*.txt
var files embed.FS

// FS returns the files of this folder: spec.json, vectors, scripts and schema.
func FS() fs.FS { return files }
