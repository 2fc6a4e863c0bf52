// SPDX-License-Identifier: Apache-2.0

package assemble

// Sections of a module, by their number, in the order in which they must come.
const (
	secType     = 1
	secImport   = 2
	secFunction = 3
	secTable    = 4
	secMemory   = 5
	secExport   = 7
	secStart    = 8
	secElement  = 9
	secCode     = 10
	secData     = 11
)

// The types of values.
const (
	I32 = 0x7f
	I64 = 0x7e
)

// Module is what a module is made of. Functions are numbered as in the binary: imports
// first.
type Module struct {
	Imports []Import
	Funcs   []Func
	// MemoryPages is the memory at the start; MemoryMax, if it is not 0, its bound.
	MemoryPages, MemoryMax uint64
	// TableSize is the size of a table of functions; 0 for none.
	TableSize uint64
	Data      []Data
	// Start is 1 + the number of the function that runs at instantiation; 0 for none.
	Start uint64
	// Customs are sections that mean nothing to a runtime.
	Customs []Custom
}

// Import is one function of another module.
type Import struct {
	Module, Name string
	Type         Type
}

// Type is a function's parameters and results.
type Type struct{ Params, Results []byte }

// Func is one function.
type Func struct {
	Export string // "" keeps it to itself
	Type   Type
	Locals uint64 // of type I32
	Code   []byte // without the end
}

// Data is put into memory at the start.
type Data struct {
	Offset int64
	Bytes  []byte
}

// Custom is a custom section.
type Custom struct {
	Name  string
	Bytes []byte
}

// Bytes gives the module in the binary format.
func (m *Module) Bytes() []byte {
	out := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	var types, imports, functions, exports, codes [][]byte
	for _, i := range m.Imports {
		imports = append(imports, join(text(i.Module), text(i.Name), []byte{0}, Uint(uint64(len(types)))))
		types = append(types, i.Type.bytes())
	}
	for _, f := range m.Funcs {
		if f.Export != "" {
			number := len(m.Imports) + len(functions)
			exports = append(exports, join(text(f.Export), []byte{0}, Uint(uint64(number))))
		}
		functions = append(functions, Uint(uint64(len(types))))
		types = append(types, f.Type.bytes())
		body := []byte{0}
		if f.Locals > 0 {
			body = join([]byte{1}, Uint(f.Locals), []byte{I32})
		}
		body = join(body, f.Code, []byte{0x0b})
		codes = append(codes, join(Uint(uint64(len(body))), body))
	}
	out = append(out, vector(secType, types)...)
	out = append(out, vector(secImport, imports)...)
	out = append(out, vector(secFunction, functions)...)
	if m.TableSize > 0 {
		out = append(out, vector(secTable, [][]byte{join([]byte{0x70, 0}, Uint(m.TableSize))})...)
	}
	out = append(out, vector(secMemory, [][]byte{m.memory()})...)
	exports = append(exports, join(text("memory"), []byte{2, 0}))
	out = append(out, vector(secExport, exports)...)
	if m.Start > 0 {
		out = append(out, section(secStart, Uint(m.Start-1))...)
	}
	out = append(out, vector(secCode, codes)...)
	var data [][]byte
	for _, d := range m.Data {
		data = append(data, join([]byte{0}, I32Const(d.Offset), []byte{0x0b}, Uint(uint64(len(d.Bytes))), d.Bytes))
	}
	out = append(out, vector(secData, data)...)
	for _, c := range m.Customs {
		out = append(out, section(0, join(text(c.Name), c.Bytes))...)
	}
	return out
}

func (m *Module) memory() []byte {
	if m.MemoryMax > 0 {
		return join([]byte{1}, Uint(m.MemoryPages), Uint(m.MemoryMax))
	}
	return join([]byte{0}, Uint(m.MemoryPages))
}

func (t Type) bytes() []byte {
	return join([]byte{0x60}, Uint(uint64(len(t.Params))), t.Params, Uint(uint64(len(t.Results))), t.Results)
}

// vector is a section of counted items; none gives no section.
func vector(number byte, items [][]byte) []byte {
	if len(items) == 0 {
		return nil
	}
	return section(number, join(Uint(uint64(len(items))), join(items...)))
}

func section(number byte, content []byte) []byte {
	return join([]byte{number}, Uint(uint64(len(content))), content)
}

func text(s string) []byte { return join(Uint(uint64(len(s))), []byte(s)) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Uint is an unsigned number in LEB128.
func Uint(n uint64) []byte {
	var out []byte
	for n >= 0x80 {
		out = append(out, byte(n)|0x80)
		n >>= 7
	}
	return append(out, byte(n))
}

// Int is a signed number in LEB128.
func Int(n int64) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// Code joins instructions.
func Code(parts ...[]byte) []byte { return join(parts...) }

// I32Const pushes a number.
func I32Const(n int64) []byte { return join([]byte{0x41}, Int(n)) }

// Call calls the function of that number.
func Call(function uint64) []byte { return join([]byte{0x10}, Uint(function)) }

// Instructions without an operand, or with one that is always the same.
var (
	Unreachable = []byte{0x00}
	Drop        = []byte{0x1a}
	I32Load     = []byte{0x28, 2, 0}
	I32Store    = []byte{0x36, 2, 0}
	I32Add      = []byte{0x6a}
	I32DivS     = []byte{0x6d}
	MemoryGrow  = []byte{0x40, 0}
	// Loop begins a loop without a result; Repeat goes to its begin; End ends it.
	Loop   = []byte{0x03, 0x40}
	Repeat = []byte{0x0c, 0}
	End    = []byte{0x0b}
	// RepeatIf goes to the begin when what it pops is not zero.
	RepeatIf = []byte{0x0d, 0}
)
