// SPDX-License-Identifier: Apache-2.0

package npm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// jsIsExport begins what a module is, or exports as its default.
const jsIsExport = `(?:export\s+default|module\.exports\s*=)`

// Evidence in the text of a JavaScript or TypeScript module.
var (
	jsListens = grep.Of(`\.listen\s*\(|\bserve\s*\(\s*(?:app|\{)`)
	jsApp     = grep.Of(`\b(?:const|let|var)\s+(\w+)(?:\s*:[^=\n]+)?\s*=\s*(?:await\s+)?(?:new\s+)?(?:\w+\.)*` +
		`(express|fastify|Fastify|Koa|koa|polka|connect|restana|createServer|micro|Hono|Elysia|itty|` +
		`Router|AutoRouter|IttyRouter|createApp|buildApp)\s*(?:<[^>]*>)?\(`)
	jsObject  = grep.Of(jsIsExport + `\s*\{`)
	jsFetchIn = grep.Of(`(?:^|[\s,{])fetch\s*(?:\(|:|,|$)`)
	jsWorker  = grep.Of(`addEventListener\(\s*['"]fetch['"]`)
	jsMethod  = grep.Of(`(?m)^\s*export\s+(?:async\s+)?(?:function|const)\s+` +
		`(GET|POST|PUT|PATCH|DELETE)\b`)
	jsDefault = grep.Of(jsIsExport + `\s*(async\s+)?(?:function\s*\w*\s*(?:<[^>]*>)?\(([^)]*)\)|` +
		`\(([^)]*)\)(?:\s*:[^=]+)?\s*=>|(\w+)\s*=>)`)
	jsNamed = grep.Of(jsIsExport + `\s*(?:new\s+)?([A-Za-z_$][\w$]*)\s*` +
		`(?:[;\n(]|$|\s+(?:satisfies|as)\b)`)
	jsExport = grep.Of(`(?m)(?:^|[;\n])\s*(?:(?:module\.)?exports\.(\w+)\s*=\s*|` +
		`export\s+(?:const|let|var)\s+(\w+)(?:\s*:[^=\n]+)?\s*=\s*|` +
		`export\s+((?:async\s+)?function\s*\*?\s*\w+))`)
	jsList = grep.Of(`(?:module\.exports\s*=|export)\s*\{([^}]*)\}`)
	jsFunc = grep.Of(`^(?:async\s+)?(?:function\s*\*?\s*\w*\s*(?:<[^>]*>)?\(([^)]*)\)|` +
		`\(([^)]*)\)(?:\s*:\s*[^=]+)?\s*=>|(\w+)\s*=>)`)
	jsLocal   = grep.Of(`^(\w+)\s*(?:;|\n|$)`)
	jsWord    = grep.Of(`^\w+$`)
	jsRequest = grep.Of(`^_?(?:req|request|ctx\.req|rq)$`)
	jsAnswer  = grep.Of(`^_?(?:res|resp|response|reply)$`)
	jsEvent   = grep.Of(`^_?(?:e|ev|evt|event|_event|_|payload|input)$`)
)

// appMakers make applications that can be exported as they are.
var appMakers = []string{
	"express", "fastify", "Fastify", "Koa", "polka", "connect", "restana", "Hono", "Elysia",
	"createServer", "AutoRouter", "IttyRouter",
}

// export is one name that a module exports, and its parameters as far as they are seen.
type export struct {
	name       string
	parameters []string
	isFunction bool
}

// Module judges one module: what it exports under a handler's usual name is surer
// than that it listens, and that surer than what else it exports.
func Module(s *look.Source, name string) []look.Candidate {
	text := look.StripScript(s.Read(name))
	if foreign := nodeForeign(name, text); len(foreign) > 0 {
		return foreign
	}
	var found []look.Candidate
	if strings.Contains(text, frameworkPackage) {
		found = append(found, nodeRegistered(name, text)...)
	}
	usual, shaped := namedHandlers(name, text)
	found = append(found, usual...)
	if jsListens.MatchString(text) {
		c := look.Server(toolchain.Node, "node", name)
		c.File, c.Rank = name, look.RankExported // before what the same module exports
		found = append(found, c)
	}
	if dialect, ok := defaultDialect(text); ok {
		found = append(found, look.Handler(toolchain.Node, dialect, name, ""))
	}
	if jsMethod.MatchString(text) {
		return append(found, look.Handler(toolchain.Node, dayfly.DialectFetch, name, ""))
	}
	return append(found, shaped...)
}

func nodeRegistered(name, text string) []look.Candidate {
	if match := fwRegistered.FindStringSubmatch(text); match != nil {
		return []look.Candidate{look.Handler(toolchain.Node, registeredDialect(match[1]), name, match[2])}
	}
	return nil
}

// registeredDialect names the signature that a function is registered with.
func registeredDialect(method string) dayfly.Dialect {
	switch method {
	case "cloudEvent":
		return dayfly.DialectCloudEvent
	case "typed":
		return dayfly.DialectTyped
	}
	return dayfly.DialectFramework
}

// defaultDialect judges what a module is, or exports as its default.
func defaultDialect(text string) (dayfly.Dialect, bool) {
	if jsWorker.MatchString(text) {
		return dayfly.DialectFetch, true
	}
	if at := jsObject.FindStringIndex(text); at != nil {
		if isWorkerObject(objectKeys(text[at[1]:])) {
			return dayfly.DialectFetch, true
		}
	}
	if match := jsDefault.FindStringSubmatch(text); match != nil {
		return signatureDialect(look.Parameters(match[2] + match[3] + match[4]))
	}
	match := jsNamed.FindStringSubmatch(text)
	if match == nil {
		return "", false
	}
	if match[1] == "serverless" {
		return dayfly.DialectLambda, true
	}
	if slices.Contains(appMakers, match[1]) {
		return applicationKind(match[1]), true // module.exports = express()
	}
	if kind := appNamed(text, match[1]); kind != "" {
		return kind, true
	}
	definition := regexp.MustCompile(`(?:^|[\s;])(?:const|let|var)\s+` + regexp.QuoteMeta(match[1]) +
		`(?:\s*:[^=\n]+)?\s*=\s*((?:async\s*)?(?:\([^)]*\)(?:\s*:[^=]+)?\s*=>|` +
		`function\b[^)]*\)|\w+\s*=>)|\{)`)
	function := regexp.MustCompile(`(?:^|[\s;])((?:async\s+)?function\s+` +
		regexp.QuoteMeta(match[1]) + `\s*\([^)]*\))`)
	for _, pattern := range []*regexp.Regexp{definition, function} {
		at := pattern.FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		if text[at[2]:at[3]] == "{" {
			return dayfly.DialectFetch, jsFetchIn.MatchString(objectKeys(text[at[3]:]))
		}
		if names, ok := functionParameters(text[at[2]:at[3]]); ok {
			return signatureDialect(names)
		}
	}
	if regexp.MustCompile(`^(?:app|server|application|api|router)$`).MatchString(match[1]) {
		return dayfly.DialectNodeHTTP, true
	}
	return "", false
}

// objectKeys gives the text of an object literal, from after its brace to the end of
// it, without what is nested: the keys are left, and the values that are plain.
func objectKeys(text string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'', '`':
			i += look.StringLength(text[i:]) - 1
			continue
		case '{', '[', '(':
			if depth == 0 {
				b.WriteByte(text[i])
			}
			depth++
			continue
		case '}', ']', ')':
			if depth--; depth < 0 {
				return b.String()
			}
			continue
		}
		if depth == 0 {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func applicationKind(maker string) dayfly.Dialect {
	switch maker {
	case "Hono", "Elysia", "itty", "Router", "AutoRouter", "IttyRouter":
		return dayfly.DialectFetch
	}
	return dayfly.DialectNodeHTTP
}

// signatureDialect judges a function by the names of its parameters; without any sign
// it is not called a handler.
func signatureDialect(names []string) (dayfly.Dialect, bool) {
	switch {
	case len(names) >= 2 && jsRequest.MatchString(names[0]) && jsAnswer.MatchString(names[1]):
		return dayfly.DialectNodeHTTP, true
	case len(names) >= 1 && jsRequest.MatchString(names[0]):
		return dayfly.DialectFetch, true
	case len(names) >= 1 && jsEvent.MatchString(names[0]):
		return dayfly.DialectLambda, true
	}
	return "", false
}

// namedHandlers judges what a module exports by name: under a usual one, and what only
// looks like a handler.
func namedHandlers(name, text string) (usual, shaped []look.Candidate) {
	for _, e := range scriptExports(text) {
		dialect, ok := signatureDialect(e.parameters)
		isUsual := e.name == "handler" || e.name == "lambdaHandler" || e.name == "lambda_handler"
		switch {
		case isUsual && !ok:
			usual = append(usual, look.Handler(toolchain.Node, dayfly.DialectLambda, name, e.name))
		case isUsual, e.name == "fetch" && dialect == dayfly.DialectFetch:
			usual = append(usual, look.Handler(toolchain.Node, dialect, name, e.name))
		case e.name == "app" && !e.isFunction:
			if app := appNamed(text, "app"); app != "" {
				shaped = append(shaped, look.Handler(toolchain.Node, app, name, "app"))
			}
		case ok:
			shaped = append(shaped, look.Handler(toolchain.Node, dialect, name, e.name))
		}
	}
	if len(usual) == 0 && len(shaped) > 1 {
		others := make([]string, len(shaped))
		for i, c := range shaped {
			others[i] = c.Export
		}
		shaped[0].Notices = append(shaped[0].Notices, name+" exports "+strings.Join(others, ", ")+
			"; say entry to choose another than "+shaped[0].Export)
	}
	return usual, shaped
}

func appNamed(text, name string) dayfly.Dialect {
	for _, app := range jsApp.FindAllStringSubmatch(text, -1) {
		if app[1] == name {
			return applicationKind(app[2])
		}
	}
	return ""
}

// scriptExports lists the names that a module exports.
func scriptExports(text string) []export {
	var list []export
	add := func(e export) {
		isKnown := slices.ContainsFunc(list, func(o export) bool { return o.name == e.name })
		if e.name != "default" && e.name != "" && !isKnown && len(list) < look.ExportsMax {
			list = append(list, e)
		}
	}
	for _, at := range jsExport.FindAllStringSubmatchIndex(text, -1) {
		e := export{}
		if at[6] >= 0 { // export function name(…)
			words := strings.Fields(strings.ReplaceAll(text[at[6]:at[7]], "*", " "))
			e.name = words[len(words)-1]
			e.parameters, e.isFunction = functionParameters(text[at[6]:])
			add(e)
			continue
		}
		from, to := at[2], at[3]
		if from < 0 {
			from, to = at[4], at[5]
		}
		e.name = text[from:to]
		e.parameters, e.isFunction = functionParameters(text[at[1]:])
		if local := jsLocal.FindStringSubmatch(text[at[1]:]); local != nil && !e.isFunction {
			e.parameters, e.isFunction = localFunction(text, local[1]) // exports.main = main
		}
		add(e)
	}
	for _, match := range jsList.FindAllStringSubmatch(text, -1) {
		for _, item := range strings.Split(match[1], ",") {
			name := strings.TrimSpace(item)
			local := name
			if from, to, ok := strings.Cut(name, " as "); ok {
				local, name = strings.TrimSpace(from), strings.TrimSpace(to)
			} else if from, to, ok := strings.Cut(name, ":"); ok {
				name, local = strings.TrimSpace(from), strings.TrimSpace(to)
			}
			if len(list) < look.ExportsMax && jsWord.MatchString(name) {
				e := export{name: name}
				e.parameters, e.isFunction = localFunction(text, local)
				add(e)
			}
		}
	}
	return list
}

// localFunction finds the parameters of a function that a module defines by that name.
func localFunction(text, name string) ([]string, bool) {
	pattern := regexp.MustCompile(`(?:^|[\s;])(?:(?:const|let|var)\s+` + regexp.QuoteMeta(name) +
		`(?:\s*:[^=\n]+)?\s*=\s*|((?:async\s+)?function\s*\*?\s*` + regexp.QuoteMeta(name) + `\b))`)
	at := pattern.FindStringSubmatchIndex(text)
	if at == nil {
		return functionParameters(name)
	}
	if at[2] >= 0 {
		return functionParameters(text[at[2]:])
	}
	return functionParameters(text[at[1]:])
}

// functionParameters reads the parameters of the function that s starts with.
func functionParameters(s string) ([]string, bool) {
	match := jsFunc.FindStringSubmatch(s)
	if match == nil {
		return nil, false
	}
	return look.Parameters(match[1] + match[2] + match[3]), true
}
