// SPDX-License-Identifier: Apache-2.0

package jvm

import (
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

// javaServer is code that listens by itself.
var javaServer = grep.Of(`com\.sun\.net\.httpserver|@SpringBootApplication|SpringApplication\.run|` +
	`runApplication<|\bio\.javalin\b|\bio\.helidon\b|\bembeddedServer\s*\(|\bEngineMain\b|` +
	`\bio\.ktor\.server\b|\bio\.vertx\.core\b|\bio\.undertow\b|\borg\.eclipse\.jetty\.server\b|` +
	`\borg\.http4k\.server\b|\borg\.http4s\.(?:ember|blaze|server)\b|\bMicronaut\.(?:run|build)\b|` +
	`\bQuarkus\.run\b|\bspark\.Spark\b|\bjava\.net\.ServerSocket\b|\bServerSocketChannel\b|` +
	`\bcom\.linecorp\.armeria\.server\b|\b(?:akka|org\.apache\.pekko)\.http\.scaladsl\.Http\b|` +
	`\bzio\.http\b|\bcask\.|\bratpack\b|\bio\.netty\.bootstrap\b|\borg\.apache\.catalina\.startup\b|` +
	`\bsttp\.tapir\.server\b|\bplay\.core\.server\b|\borg\.glassfish\.grizzly\b|\bfi\.iki\.elonen\b|` +
	`\bring\.adapter\.|\borg\.httpkit\.server\b|\baleph\.http\b|\bio\.pedestal\.|\bcompojure\.core\b|` +
	`com\.sun\.net\.httpserver\b`)

const quarkusName = "Quarkus"

// javaFramework is a framework that a build's text tells.
type javaFramework struct {
	name   string
	text   *grep.Regexp
	serves bool
	// flags go before the class, words after it; both in a shell's words.
	flags, words string
}

var javaFrameworks = []javaFramework{
	{name: quarkusName, text: grep.Of(`io\.quarkus`), serves: true,
		flags: "-Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=$PORT"},
	{name: "Spring Boot", text: grep.Of(`spring-boot-starter-(?:web|webflux|webmvc|jetty|tomcat|` +
		`undertow|graphql|jersey|data-rest|hateoas)\b`), serves: true, flags: "-Dserver.port=$PORT"},
	{name: "Spring Boot", text: grep.Of(`spring-boot`)},
	{name: "Micronaut", text: grep.Of(`micronaut-http-server|micronaut\.application`), serves: true,
		flags: "-Dmicronaut.server.port=$PORT"},
	{name: "Helidon", text: grep.Of(`io\.helidon`), serves: true, flags: "-Dserver.port=$PORT"},
	{name: "Ktor", text: grep.Of(`ktor-server|ktor\.server|io\.ktor\.plugin`), serves: true,
		words: "-port=$PORT"},
	{name: "Javalin", text: grep.Of(`io\.javalin`), serves: true},
	{name: "Vert.x", text: grep.Of(`vertx-(?:web|core)`), serves: true},
	{name: "Dropwizard", text: grep.Of(`dropwizard-core`), serves: true},
	{name: "http4k", text: grep.Of(`http4k-server`), serves: true},
	{name: "http4s", text: grep.Of(`http4s-(?:ember|blaze)-server`), serves: true},
	{name: "Akka HTTP", text: grep.Of(`(?:akka|pekko)-http`), serves: true},
	{name: "Ring", text: grep.Of(`ring/ring-jetty-adapter|ring/ring-core|\bring/ring\b|http-kit`)},
}

// javaFrameworkOf finds the framework of a project; its name is empty when there is none.
func javaFrameworkOf(p *project) javaFramework {
	for _, known := range javaFrameworks {
		if known.text.MatchString(p.build) {
			return known
		}
	}
	return javaFramework{}
}

// javaServes tells whether any file of the project listens.
func javaServes(s *look.Source, p *project) bool {
	return slices.ContainsFunc(p.files, func(file string) bool {
		return javaServer.MatchString(s.Read(file))
	})
}

// javaFlags are for programs in instances of about one processor, which start often:
// the small collector, and the quick compiler alone, which halves the time that a Spring
// application takes to start.
const javaFlags = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

// javaServerCommand starts a program that listens.
func javaServerCommand(p *project, u unit, known javaFramework) []string {
	if known.name == quarkusName {
		return shellCommand("java " + javaFlags + " " + known.flags + " -jar " + javaApp + "/quarkus-run.jar")
	}
	isEngine := strings.HasSuffix(u.entry, "EngineMain") || strings.Contains(u.file, "application")
	if known.words != "" && !isEngine {
		known.words = "" // the program's own main decides
	}
	if known.flags == "" && known.words == "" {
		return javaCommand(p, u)
	}
	words := append(javaProgram(), strings.Fields(known.flags)...)
	words = append(append(words, "-cp", "'"+p.classPath()+"'"), javaStart(u)...)
	return shellCommand(strings.Join(append(words, strings.Fields(known.words)...), " "))
}

func shellCommand(line string) []string { return []string{"/bin/sh", "-c", "exec " + line} }

// javaCommand starts a program that needs no words of ours.
func javaCommand(p *project, u unit) []string {
	return append(append(javaProgram(), "-cp", p.classPath()), javaStart(u)...)
}

func javaProgram() []string { return append([]string{"java"}, strings.Fields(javaFlags)...) }

func javaStart(u unit) []string {
	if u.clojure {
		return []string{"clojure.main", "-m", u.entry}
	}
	return []string{u.entry}
}

// classPath is where a program's classes are: what the build made, what it brought,
// and, without a build tool, files beside the sources.
func (p *project) classPath() string {
	places := []string{javaClasses}
	if p.tool == look.JavaPlain {
		places = append(places, ".")
	}
	return strings.Join(append(places, javaLibs+"/*", "lib/*"), ":")
}
