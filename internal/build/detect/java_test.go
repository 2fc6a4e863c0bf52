// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// jarOf makes an archive.
func jarOf(t *testing.T, files map[string]string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes(), Mode: 0o644}
}

func TestArchivesAreJudgedByWhatIsInThem(t *testing.T) {
	t.Parallel()
	const tool, quick = "Manifest-Version: 1.0\r\nMain-Class: a.T\r\n ool\r\n", "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
	for name, tc := range map[string]struct {
		files    map[string]string
		settings manifest.Function
		want     string
	}{
		"a program": {
			files: map[string]string{"META-INF/MANIFEST.MF": tool, "a/Tool.class": "cafe"},
			want:  "java stdio " + quick + "-jar app.jar +java:jar",
		},
		"a server of the JDK": {
			files: map[string]string{"META-INF/MANIFEST.MF": tool, "a/Tool.class": "\x01com/sun/net/httpserver/HttpServer"},
			want:  "java http /bin/sh -c exec " + quick + "-Dserver.port=$PORT -jar 'app.jar' +java:jar",
		},
		"Spring Boot": {
			files: map[string]string{"META-INF/MANIFEST.MF": tool, "BOOT-INF/lib/spring-web-6.2.0.jar": "PK"},
			want:  "java http /bin/sh -c exec " + quick + "-Dserver.port=$PORT -jar 'app.jar' +java:jar",
		},
		"a library":      {files: map[string]string{"a/Tool.class": "cafe"}, want: "error: names no Main-Class"},
		"no archive":     {want: "error: it is damaged"},
		"a handler's":    {files: map[string]string{"a/Tool.class": "cafe"}, settings: manifest.Function{Entry: "a.Tool"}, want: "java handler/lambda a.Tool +java:jar needs:lambda"},
		"no entry of it": {files: map[string]string{"a/Tool.class": "cafe"}, settings: manifest.Function{Entry: "a tool"}, want: "error: names no module"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{"app.jar": {Data: []byte("no zip"), Mode: 0o644}}
			if tc.files != nil {
				files["app.jar"] = jarOf(t, tc.files)
			}
			plan, err := detect.Source(files, tc.settings)
			if text, isError := strings.CutPrefix(tc.want, "error: "); isError {
				if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), text) {
					t.Errorf("Source = %+v, %v; want an invalid error with %q", plan, err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(plan); got != tc.want {
				t.Errorf("Source =\n  %s, want\n  %s", got, tc.want)
			}
		})
	}
}

func TestJavaTellsWhatItChose(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"java-several":          "there are several handlers, shop.Add, shop.Handler: shop.Handler is taken",
		"java-server":           "there are several main classes, web.Check, web.Web: web.Web is taken",
		"java-quarkus":          "it is a Quarkus application",
		"java-sam":              "the handler comes from template.yaml",
		"java-entry-dependency": "is not in the source: it must come with a dependency",
	} {
		files, settings, _ := fixture(t, "testdata/"+file+".txtar")
		plan, err := detect.Source(files, settings)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan.Notices, "; "); !strings.Contains(got, want) {
			t.Errorf("%s: notices %q, want one with %q", file, got, want)
		}
	}
}
