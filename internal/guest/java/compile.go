// SPDX-License-Identifier: Apache-2.0

package java

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// compileMax bounds javac, which takes two seconds on an idle machine.
	compileMax = 2 * time.Minute
	// archiveMax bounds the training run, which takes one.
	archiveMax = time.Minute
	// outputMax bounds what of a tool's complaints is kept.
	outputMax = 4 << 10
	// workPrefix begins the names of folders in which a guest is being made.
	workPrefix = ".new-"
	// release is the oldest Java that the guest runs on.
	release = 11
)

// JDK is one installation of Java.
type JDK struct {
	Version string // "17.0.15"
	Path    string // of the program java
}

// Compiler makes the guest for each JDK in use, in a folder that outlives the process.
// Its methods may be called from any goroutine.
type Compiler struct {
	dir string

	life context.Context // ends with Close; what is made is not its first asker's alone
	die  context.CancelFunc
	jobs sync.WaitGroup

	mu   sync.Mutex // guards made
	made map[string]*job
}

// job makes one guest; its errors may be read once the channel before them is closed.
type job struct {
	compiled   chan struct{}
	compileErr error
	archived   chan struct{}
	archiveErr error
}

// NewCompiler keeps what it makes in dir.
func NewCompiler(dir string) *Compiler {
	c := &Compiler{dir: dir, made: map[string]*job{}}
	c.life, c.die = context.WithCancel(context.Background())
	return c
}

// Close ends what is under way.
func (c *Compiler) Close() {
	c.die()
	c.jobs.Wait()
}

// Folder is where the guest of a JDK is, or will be: boxes see it under the same path,
// since an archive of classes is bound to the path of its jar.
func (c *Compiler) Folder(jdk JDK) string {
	sum := sha256.New()
	_, _ = fmt.Fprint(sum, sourcesSum(), manifest, jdk.Path, Args("", 0))
	return filepath.Join(c.dir, jdk.Version+"-"+hex.EncodeToString(sum.Sum(nil))[:16])
}

// sourcesSum identifies the embedded sources. It is made once: every start asks.
var sourcesSum = sync.OnceValue(func() string {
	sum := sha256.New()
	for _, file := range sources() {
		text, err := source.ReadFile(file)
		if err != nil {
			panic("bug: the embedded guest cannot be read: " + err.Error())
		}
		_, _ = fmt.Fprintf(sum, "%s %d %s", file, len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
})

// Compile makes the guest's jar unless it is there, and gives its folder. Callers that
// come while it is made wait for it, or until ctx ends.
func (c *Compiler) Compile(ctx context.Context, jdk JDK) (string, error) {
	folder := c.Folder(jdk)
	job := c.start(jdk, folder)
	select {
	case <-job.compiled:
		return folder, job.compileErr
	case <-ctx.Done():
		return "", dayfly.Errorf(dayfly.KindUnavailable,
			"the Java guest is still being compiled: %w", context.Cause(ctx))
	}
}

// Archive waits until the archive of loaded classes is there, or ctx ends: a machine that
// maps it starts in half the time. Without it stems boot slower, no worse.
func (c *Compiler) Archive(ctx context.Context, jdk JDK) error {
	job := c.start(jdk, c.Folder(jdk))
	select {
	case <-job.archived:
		return job.archiveErr
	case <-ctx.Done():
		return nil
	}
}

// sweep removes what a process that was killed had half made. A failure costs some disk.
func (c *Compiler) sweep() {
	left, _ := filepath.Glob(filepath.Join(c.dir, workPrefix+"*")) // the pattern is good
	for _, folder := range left {
		// A younger one may be in the making by another compiler of the folder.
		if info, err := os.Stat(folder); err == nil && time.Since(info.ModTime()) > compileMax+archiveMax {
			_ = os.RemoveAll(folder)
		}
	}
}

// start makes a guest unless somebody did. What failed is tried again when next asked for.
func (c *Compiler) start(jdk JDK, folder string) *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made := c.made[folder]; made != nil {
		return made
	}
	if len(c.made) == 0 {
		c.sweep()
	}
	made := &job{compiled: make(chan struct{}), archived: make(chan struct{})}
	c.made[folder] = made
	c.jobs.Go(func() {
		defer close(made.archived)
		made.compileErr = compile(c.life, jdk, folder)
		if made.compileErr != nil {
			c.mu.Lock()
			delete(c.made, folder)
			c.mu.Unlock()
			made.archiveErr = made.compileErr
		}
		close(made.compiled)
		if made.compileErr == nil {
			made.archiveErr = archive(c.life, jdk, folder)
		}
	})
	return made
}

func compile(ctx context.Context, jdk JDK, folder string) error {
	if _, err := os.Stat(filepath.Join(folder, jarName)); err == nil {
		return nil
	}
	major, err := strconv.Atoi(strings.SplitN(jdk.Version, ".", 2)[0])
	if err != nil || major < release {
		return dayfly.Errorf(dayfly.KindInvalid,
			"Java %s is too old for handlers: they need %d or later", jdk.Version, release)
	}
	javac := filepath.Join(filepath.Dir(jdk.Path), "javac")
	if _, err := os.Stat(javac); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "%s has no compiler: it is a JRE, and handlers need the JDK "+
			"(apt install openjdk-%d-jdk-headless, or the distribution's package)", jdk.Path, major)
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return fmt.Errorf("make folder of Java guests: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(folder), workPrefix+"*")
	if err != nil {
		return fmt.Errorf("make folder of Java guest: %w", err)
	}
	defer os.RemoveAll(work)
	if err := javacAll(ctx, javac, work); err != nil {
		return err
	}
	return publish(work, folder)
}

// javacAll compiles the embedded sources to work/classes.
func javacAll(ctx context.Context, javac, work string) error {
	if err := os.CopyFS(work, source); err != nil {
		return fmt.Errorf("write Java guest: %w", err)
	}
	args := []string{"-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-nowarn", "-g", "-proc:none",
		// A call site of its own for each text that is put together would cost cold starts.
		"-XDstringConcat=inline",
		"--release", strconv.Itoa(release), "-d", filepath.Join(work, "classes")}
	for _, file := range sources() {
		args = append(args, filepath.Join(work, file))
	}
	return run(ctx, compileMax, javac, args...)
}

// publish packs the guest's classes into a jar, without the foreign signatures, puts the
// function that stems train with beside it, and moves all to its folder in one step.
func publish(work, folder string) error {
	out, classes := filepath.Join(work, "out"), filepath.Join(work, "classes")
	if err := os.MkdirAll(filepath.Join(out, taskName, "lib"), 0o755); err != nil {
		return fmt.Errorf("make folder of Java guest: %w", err)
	}
	jarred := filepath.Join(classes, warmClasses, "Jarred.class")
	for _, err := range []error{
		// Stored as they are our classes are quicker to read; the jars of code are deflated.
		pack(classes, guestClasses, filepath.Join(out, jarName), zip.Store),
		pack(classes, warmClasses+"/Jarred.class", filepath.Join(out, taskName, "lib", "warm.jar"), zip.Deflate),
		os.Remove(jarred),
		os.CopyFS(filepath.Join(out, taskName, warmClasses), os.DirFS(filepath.Join(classes, warmClasses))),
		os.Chmod(out, 0o755),
		os.RemoveAll(folder), // a broken one
		os.Rename(out, folder),
	} {
		if err != nil {
			return fmt.Errorf("publish Java guest: %w", err)
		}
	}
	return nil
}

// pack writes a jar of what is below one folder of classes, or of one file.
func pack(classes, root, target string, method uint16) error {
	var buf bytes.Buffer
	jar := zip.NewWriter(&buf)
	w, err := jar.CreateHeader(&zip.FileHeader{Name: "META-INF/MANIFEST.MF"})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, manifest); err != nil {
		return err
	}
	err = fs.WalkDir(os.DirFS(classes), root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(classes, path))
		if err != nil {
			return err
		}
		w, err := jar.CreateHeader(&zip.FileHeader{Name: path, Method: method})
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	if err := jar.Close(); err != nil {
		return err
	}
	return os.WriteFile(target, buf.Bytes(), 0o644)
}

// archive makes the archive beside the jar, unless it is there, of what a training run
// loads.
func archive(ctx context.Context, jdk JDK, folder string) error {
	target := filepath.Join(folder, archiveName)
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	fresh := target + ".new"
	defer os.Remove(fresh)
	args := append(flags(), "-XX:ArchiveClassesAtExit="+fresh, "-jar", filepath.Join(folder, jarName), "train")
	if err := run(ctx, archiveMax, jdk.Path, args...); err != nil {
		return err
	}
	if err := os.Chmod(fresh, 0o644); err != nil {
		return fmt.Errorf("open archive of Java guest: %w", err)
	}
	if err := os.Rename(fresh, target); err != nil {
		return fmt.Errorf("publish archive of Java guest: %w", err)
	}
	return nil
}

// run runs a tool of the JDK, bounded in time, in an environment of its own.
func run(ctx context.Context, limit time.Duration, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s for the Java guest: %w: %.*s", filepath.Base(program), err, outputMax, out)
	}
	return nil
}
