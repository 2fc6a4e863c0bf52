// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/openapi"
)

// fileBytesMax bounds a schema or a certificate that a front names.
const fileBytesMax = 1 << 20

// Plan is a front that is to be published.
type Plan struct {
	Project  dayfly.ProjectName
	Front    *front.Front
	Notes    []string // what its author should know
	folder   string
	manifest *manifest.Manifest
	place    func(pattern string) string // in the OpenAPI document
	own      map[string]bool             // patterns of the manifest itself
}

// New makes the plan of a manifest in that folder; nil when it shows nothing to the public.
// All that can be known to be wrong without the node is found here, and told with its line.
func New(
	ctx context.Context, m *manifest.Manifest, in Place, env func(string) string,
) (*Plan, error) {
	if m.Front == nil && m.OpenAPI == "" {
		return nil, nil
	}
	p := &Plan{Project: in.Project, Front: &front.Front{}, folder: in.Folder, manifest: m, own: map[string]bool{}}
	if m.Front != nil {
		copied := *m.Front
		copied.Routes, copied.Auth = maps.Clone(m.Front.Routes), maps.Clone(m.Front.Auth)
		p.Front = &copied
		for pattern := range m.Front.Routes {
			p.own[pattern] = true
		}
	}
	if m.OpenAPI != "" {
		if err := p.document(m); err != nil {
			return nil, err
		}
	}
	return p, p.locate(p.complete(ctx, env))
}

// Place is where a manifest is, and whose.
type Place struct {
	Folder  string
	Project dayfly.ProjectName
}

// complete puts in what stands outside of the manifest, and checks the whole.
func (p *Plan) complete(ctx context.Context, env func(string) string) error {
	var faults front.Faults
	faults.Add(p.files())
	secret, err := p.Front.MapSecrets(func(path []string, s front.Secret) (front.Secret, error) {
		value, err := fromEnvironment(path, s, env)
		faults.Add(err)
		return value, nil
	})
	if err != nil {
		return err
	}
	p.Front = secret
	if err := faults.Err(); err != nil {
		return err
	}
	if err := p.Front.Check(); err != nil {
		return err
	}
	return gateway.Check(ctx, p.Project, p.Front, p.folder)
}

// locate gives problems of the front their file and line.
func (p *Plan) locate(err error) error {
	found := front.Problems(err)
	if len(found) == 0 {
		return front.Refuse(err)
	}
	lines := make([]string, len(found))
	for i, one := range found {
		lines[i] = p.manifest.Place(one)
		switch {
		case len(one.Path) > 1 && one.Path[0] == "routes" && !p.own[one.Path[1]] && p.place != nil:
			lines[i] = p.place(one.Path[1]) + ": " + one.Error()
		case len(one.Path) > 0 && one.Path[0] == "components" && len(p.manifest.Front.Components) == 0:
			lines[i] = p.manifest.OpenAPI + ": " + one.Error()
		}
	}
	located := dayfly.Errorf(dayfly.KindInvalid, "%s", strings.Join(slices.Compact(lines), "\n"))
	var known *dayfly.Error
	if errors.As(err, &known) {
		located.Kind, located.Hint = known.Kind, known.Hint
	}
	return located
}

// Routes gives the patterns that lead to a function of the front, when these are the only way
// to it.
func (p *Plan) Routes(name dayfly.FunctionName) []string {
	if p == nil || p.Front == nil || p.Front.Direct {
		return nil
	}
	var patterns []string
	for _, pattern := range slices.Sorted(maps.Keys(p.Front.Routes)) {
		r := p.Front.Routes[pattern]
		if r.Function == name || r.Site != nil && r.Site.Otherwise == name {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// document adds the operations of an OpenAPI document.
func (p *Plan) document(m *manifest.Manifest) error {
	read, err := openapi.Load(filepath.Join(p.folder, filepath.FromSlash(m.OpenAPI)), m.Names())
	if err != nil {
		return err
	}
	p.place = read.Place
	if p.Front.Routes == nil {
		p.Front.Routes = map[string]front.Route{}
	}
	for pattern, route := range read.Routes {
		if _, own := p.Front.Routes[pattern]; !own {
			p.Front.Routes[pattern] = route
		}
	}
	if p.Front.Auth == nil {
		p.Front.Auth = map[string]front.Auth{}
	}
	for name, a := range read.Auth {
		if _, own := p.Front.Auth[name]; !own {
			p.Front.Auth[name] = a
		}
	}
	for _, name := range read.Authenticators {
		if _, known := p.Front.Auth[name]; !known {
			return dayfly.Errorf(dayfly.KindInvalid, "%s names the security scheme %s, of which auth in the manifest says nothing",
				m.OpenAPI, name)
		}
	}
	if len(p.Front.Components) > 0 && len(read.Components) > 0 {
		return dayfly.Errorf(dayfly.KindInvalid, "components are in the manifest and in %s: have them in one place", m.OpenAPI)
	}
	if len(read.Components) > 0 {
		p.Front.Components = read.Components
	}
	p.Notes = append(p.Notes, read.Warnings...)
	for _, operation := range read.Unbound {
		p.Notes = append(p.Notes, operation+" goes nowhere: no function has that name")
	}
	return nil
}

// files puts in what stands in files: certificates, and schemas that are named by a path.
func (p *Plan) files() error {
	var faults front.Faults
	for _, name := range slices.Sorted(maps.Keys(p.Front.Auth)) {
		a := p.Front.Auth[name]
		if a.MTLS == nil || strings.Contains(a.MTLS.CA, "-----BEGIN") {
			continue
		}
		text, err := p.read(a.MTLS.CA)
		if err == nil && !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----") {
			err = fmt.Errorf("the file %s holds no certificates in PEM", a.MTLS.CA)
		}
		faults.Add(front.Within(err, "auth", name, "mtls", "ca"))
		own := *a.MTLS
		own.CA = string(text)
		a.MTLS = &own
		p.Front.Auth[name] = a
	}
	for _, pattern := range slices.Sorted(maps.Keys(p.Front.Routes)) {
		route := p.Front.Routes[pattern]
		if route.Validate == nil {
			continue
		}
		validate, err := p.schemas(*route.Validate)
		if !faults.Add(front.Within(err, "routes", pattern, "validate")) {
			break
		}
		route.Validate = validate
		p.Front.Routes[pattern] = route
	}
	return faults.Err()
}

// schemas reads those of a validation that are in files.
func (p *Plan) schemas(own front.Validate) (*front.Validate, error) {
	var faults front.Faults
	own.Body, own.Response = maps.Clone(own.Body), maps.Clone(own.Response)
	for key, schema := range map[string]*json.RawMessage{"path": &own.Path, "query": &own.Query,
		"header": &own.Header, "cookie": &own.Cookie} {
		read, err := p.schema(*schema)
		faults.Add(front.Within(err, key))
		*schema = read
	}
	for key, list := range map[string]map[string]json.RawMessage{"body": own.Body, "response": own.Response} {
		for name, schema := range list {
			read, err := p.schema(schema)
			faults.Add(front.Within(err, key, name))
			list[name] = read
		}
	}
	return &own, faults.Err()
}

// schema gives a schema, which may be the path of its file.
func (p *Plan) schema(s json.RawMessage) (json.RawMessage, error) {
	var path string
	if len(s) == 0 || json.Unmarshal(s, &path) != nil {
		return s, nil
	}
	text, err := p.read(path)
	if err == nil && !json.Valid(text) {
		err = fmt.Errorf("%s is not JSON", path)
	}
	return text, err
}

func (p *Plan) read(path string) ([]byte, error) {
	f, err := os.Open(filepath.Join(p.folder, filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the file %s does not exist", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err == nil && len(text) > fileBytesMax {
		err = fmt.Errorf("the file %s is larger than %s", path, dayfly.FormatBytes(fileBytesMax))
	}
	return text, err
}

// fromEnvironment gives the secret that a variable holds.
func fromEnvironment(path []string, s front.Secret, env func(string) string) (front.Secret, error) {
	name, is := s.Variable()
	if !is {
		return s, nil
	}
	if value := env(name); value != "" {
		return front.Secret(value), nil
	}
	return "", &front.Problem{Path: path, Message: "the variable " + name + " is not set here: " + name + "=… dayfly deploy sets it"}
}

// Send uploads the sites and publishes the front.
func (p *Plan) Send(ctx context.Context, node *client.Client) (client.Front, error) {
	for _, pattern := range slices.Sorted(maps.Keys(p.Front.Routes)) {
		route := p.Front.Routes[pattern]
		if route.Site == nil || route.Site.Digest != "" {
			continue
		}
		digest, err := upload(ctx, node, gateway.SiteFolder(p.folder, route.Site.Source))
		if err != nil {
			return client.Front{}, fmt.Errorf("site %s: %w", route.Site.Source, err)
		}
		own := *route.Site
		own.Digest = digest
		route.Site = &own
		p.Front.Routes[pattern] = route
	}
	published, err := node.PublishFront(ctx, p.Project, p.Front)
	return published, p.locate(err)
}

func upload(ctx context.Context, node *client.Client, folder string) (dayfly.Digest, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return "", dayfly.Errorf(dayfly.KindNotFound, "%s is no folder", folder)
	}
	source, err := client.OpenSource(folder)
	if err != nil {
		return "", err
	}
	defer source.Close()
	_, err = node.Upload(ctx, source)
	return source.Digest, err
}

// Print tells what was published.
func (p *Plan) Print(s *term.Session, f client.Front) {
	s.Printf("project %s shows %s\n", s.Style.Bold(term.Plain(string(f.Project))), term.Plural(len(p.Front.Routes), "route"))
	rows := make([][2]string, 0, len(f.URLs)+len(p.Notes))
	for i, url := range f.URLs {
		rows = append(rows, [2]string{first(i, "at"), term.Plain(url)})
	}
	for i, note := range p.Notes {
		rows = append(rows, [2]string{first(i, "note"), term.Plain(note)})
	}
	term.WriteRows(s.Out, s.Style, rows)
}

func first(i int, label string) string {
	if i == 0 {
		return label
	}
	return ""
}
