// SPDX-License-Identifier: Apache-2.0

// Package typescript compiles the modules of a TypeScript function into one file.
//
//	dayfly guest typescript --entry src/index.ts --output src/index.cjs
//	   entry ─▶ esbuild: the modules it imports by path ─▶ one file for Node
//	                     packages stay imports
//
// It runs inside a sandbox, because a source may import any path of the machine that
// it is compiled on. It writes one file and a source map into it, nothing else.
//
// Package typescript does not check types, as esbuild does not, and installs nothing.
package typescript
