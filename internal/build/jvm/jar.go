// SPDX-License-Identifier: Apache-2.0

package jvm

import (
	"archive/zip"
	"errors"
	"io"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Bounds of looking into an archive.
const (
	jarBytesMax      = 256 << 20
	jarIndexMax      = 16 << 20 // of its list of files
	jarEntryBytesMax = 1 << 20
)

var (
	jarMain = grep.Of(`(?m)^Main-Class:\s*([\w.$]+)`)
)

// jarServers are classes in an archive that only a server has.
var jarServers = []string{
	"org/springframework/boot/web/", "BOOT-INF/lib/spring-web-", "BOOT-INF/lib/spring-webmvc-",
	"io/quarkus/vertx/http/", "io/javalin/", "io/helidon/webserver/", "io/ktor/server/", "io/vertx/",
	"io/undertow/", "org/eclipse/jetty/server/", "org/http4k/server/", "org/http4s/ember/server/",
	"io/micronaut/http/server/", "ratpack/server/", "spark/Spark.class", "com/linecorp/armeria/server/",
	"zio/http/", "cask/main/", "org/apache/catalina/startup/", "org/httpkit/server/",
}

// javaJar judges the one archive of a source.
func javaJar(s *look.Source, p *project) []look.Candidate {
	name := p.files[0]
	main, serves, err := lookIntoJar(s, name)
	switch {
	case err != nil:
		return []look.Candidate{look.Problem(name + " cannot be read as an archive: " + err.Error())}
	case main == "":
		return []look.Candidate{look.Problem(name + " names no Main-Class; name its handler with " +
			"--entry com.example.Handler or com.example.Handler::method")}
	case serves:
		return []look.Candidate{look.Server(toolchain.Java, "/bin/sh", "-c", "exec java "+javaFlags+
			" -Dserver.port=$PORT -jar '"+strings.ReplaceAll(name, "'", `'\''`)+"'")}
	}
	return []look.Candidate{look.Runs(toolchain.Java, append(javaProgram(), "-jar", name)...)}
}

// boundedAt reads no more than a number of bytes in all.
type boundedAt struct {
	io.ReaderAt
	left int64
}

func (b *boundedAt) ReadAt(into []byte, at int64) (int, error) {
	if b.left -= int64(len(into)); b.left < 0 {
		return 0, errors.New("its list of files is too large")
	}
	return b.ReaderAt.ReadAt(into, at)
}

func lookIntoJar(s *look.Source, name string) (main string, serves bool, err error) {
	f, err := s.Files.Open(name)
	if err != nil {
		return "", false, errors.New("it cannot be opened")
	}
	defer f.Close()
	info, err := f.Stat()
	at, ok := f.(io.ReaderAt)
	if err != nil || !ok || info.Size() > jarBytesMax {
		return "", false, errors.New("it is too large")
	}
	z, err := zip.NewReader(&boundedAt{at, jarIndexMax}, info.Size())
	if err != nil {
		return "", false, errors.New("it is damaged")
	}
	entries := map[string]*zip.File{}
	for _, e := range z.File {
		entries[e.Name] = e
		for _, mark := range jarServers {
			serves = serves || strings.HasPrefix(e.Name, mark)
		}
	}
	manifest := strings.ReplaceAll(readEntry(entries["META-INF/MANIFEST.MF"]), "\r\n", "\n")
	manifest = strings.ReplaceAll(manifest, "\n ", "") // long values go on in the next line
	if match := jarMain.FindStringSubmatch(manifest); match != nil {
		main = match[1]
	}
	class := readEntry(entries[strings.ReplaceAll(main, ".", "/")+".class"])
	serves = serves || javaServer.MatchString(strings.ReplaceAll(class, "/", "."))
	return main, serves, nil
}

// readEntry gives the text of a small file in an archive; "" for none.
func readEntry(e *zip.File) string {
	if e == nil {
		return ""
	}
	in, err := e.Open()
	if err != nil {
		return ""
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, jarEntryBytesMax))
	if err != nil {
		return ""
	}
	return string(text)
}
