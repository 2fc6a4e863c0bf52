// SPDX-License-Identifier: Apache-2.0

package look

// DotNetPlan is what building C# takes beside the rest of a plan.
type DotNetPlan struct {
	// Name is the assembly's, without suffix.
	Name string
	// Project is the .csproj file; empty for loose sources.
	Project string
	// Files are the sources, and References the assemblies beside them, for compilers
	// that are told so.
	Files, References []string
	// Library tells that there is a handler and no program.
	Library bool
	// Lambda tells that the sources speak of Amazon.Lambda.
	Lambda bool
	// Needs says what Mono cannot give the project; empty when it can be built there.
	Needs string
	// Web tells that the program takes its address from ASPNETCORE_URLS.
	Web bool
}

// GoPlan is what building a Go function takes beside the rest of a plan.
type GoPlan struct {
	// Shim tells that the main package is one of ours: the module may lack what it
	// needs, or its sums, and the build adds them.
	Shim bool
	// Tidy tells that the source has no go.mod of its own but needs other modules.
	Tidy bool
}

// JavaTool is what builds a source of a JVM language.
type JavaTool string

// The tools.
const (
	JavaPlain  JavaTool = "plain" // the compilers alone
	JavaMaven  JavaTool = "maven"
	JavaGradle JavaTool = "gradle"
	JavaDeps   JavaTool = "deps" // Clojure with deps.edn, or with nothing
	JavaLein   JavaTool = "lein"
	JavaSbt    JavaTool = "sbt"
	JavaJar    JavaTool = "jar" // compiled already
)

// JavaPlan is what building the JVM languages takes beside the rest of a plan.
type JavaPlan struct {
	Tool JavaTool
	// Folder is where the tool's file is, "." for the root; Module is the folder of
	// the part that is called, below Folder.
	Folder, Module string
	// Modules are all folders with a file of the tool: their outputs are left out.
	Modules []string
	// Wrapper tells that the source brings the tool: gradlew, Maven's wrapper.
	Wrapper bool
	// Java, Kotlin and Scala are the files that compilers are given without a tool.
	Java, Kotlin, Scala []string
	// Needs are interfaces that handlers are written against, which the build adds.
	Needs []JavaNeed
	// Libraries are Maven coordinates, "group:artifact:version", that a deps.edn asks
	// for; Repositories are where they come from beside Maven Central.
	Libraries, Repositories []string
	// Paths are folders that stand on the class path as they are.
	Paths []string
	// Namespaces are Clojure's that are compiled.
	Namespaces []string
	// Quarkus tells that the result is Quarkus' own layout.
	Quarkus bool
	// Package tells that the command names what the tool packs, such as target/app.jar.
	Package bool
	// Jar is the archive that is the source.
	Jar string
}

// JavaNeed names a group of jars that a build adds.
type JavaNeed string

// The groups.
const (
	NeedLambda    JavaNeed = "lambda"    // interfaces of AWS Lambda, and its JSON
	NeedEvents    JavaNeed = "events"    // classes of AWS events
	NeedFramework JavaNeed = "framework" // functions-framework and CloudEvents
	NeedGson      JavaNeed = "gson"
	NeedOpenFaaS  JavaNeed = "openfaas"
)

// Compiled is a file that the build makes of another.
type Compiled struct{ Source, Output string }

// NodePlan is what building JavaScript and TypeScript takes beside the rest of a plan.
type NodePlan struct {
	// Modules are what is compiled from TypeScript beside the plan's own.
	Modules []Compiled
	// Folder is where package.json is; empty for the source itself.
	Folder string
	// Manager is the package manager whose lock file there is, "pnpm" or "yarn"; empty
	// for npm. Yarn is the script of a yarn that the source brings.
	Manager, Yarn string
	// Copies are folders that the build script leaves in another place than they are
	// needed in; Drop is what the bundle does not need.
	Copies []Compiled
	Drop   []string
}

// PHPPlan is what building PHP takes beside the rest of a plan.
type PHPPlan struct {
	// Packages tells that there is something for Composer to install.
	Packages bool
	// Locked tells that composer.lock pins it.
	Locked bool
	// Root is the folder that php-cgi serves; empty when something else is run.
	Root string
}

// RubyPlan is what building Ruby takes beside the rest of a plan.
type RubyPlan struct {
	// Gems tells that there is something for Bundler to install.
	Gems bool
	// Locked tells that Gemfile.lock pins what Bundler installs.
	Locked bool
	// Rails tells that the application expects the folders of a Rails application;
	// Assets, that it has assets to be compiled.
	Rails, Assets bool
}

// RustPlan is what building Rust takes beside the rest of a plan.
type RustPlan struct {
	// Folder is where the Cargo.toml is that says what to build; "." for the root.
	Folder string
	// Package and Bin name the crate and its program, for cargo.
	Package, Bin string
	// Locked tells that Cargo.lock pins what cargo fetches.
	Locked bool
	// File is a single source that needs no cargo; empty otherwise.
	File string
}

// WasmPlan is what building WASI modules takes beside the rest of a plan. What modules
// there are is found out in the build's box.
type WasmPlan struct {
	// Sources are compiled to modules first.
	Sources []WasmSource
}

// WasmCompiler says what compiles a source to a module.
type WasmCompiler string

// The compilers.
const (
	WasmGo     WasmCompiler = "go"
	WasmTinyGo WasmCompiler = "tinygo"
	WasmRust   WasmCompiler = "rust"
	WasmC      WasmCompiler = "c"
)

// WasmSource is one module that is compiled.
type WasmSource struct {
	Compiler WasmCompiler
	Output   string // below the code
	// Folder is where go.mod, Cargo.toml or the files are.
	Folder string
	// Package is a Go package below the folder, or the Rust crate; Bin its program.
	Package, Bin string
	// Files are what is compiled when there is no go.mod or Cargo.toml.
	Files  []string
	Locked bool
}
