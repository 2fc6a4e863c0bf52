// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// thousand forks a zygote's children without boxes around them. Each draws from every
// source; what two have drawn, and what a child has inherited, is printed.
const thousand = `
import sys, os
sys.path.insert(0, sys.argv[1])
from dayfly_guest import warm, zygote
warm.rehearse()
import random, secrets, ssl, tempfile, uuid
nursery = zygote._Nursery()
def draw():
    return dict(random=random.random(), bits=random.getrandbits(64), sample=str(random.sample(range(1 << 40), 2)),
        own=random.Random().random(), system=random.SystemRandom().random(), secrets=secrets.token_hex(16),
        urandom=os.urandom(16), uuid4=uuid.uuid4().int, uuid1=uuid.uuid1().int, tls=ssl.RAND_bytes(16),
        tempfile=tempfile.mktemp(), getrandom=os.getrandom(16))
try:
    import numpy
    plain = draw
    def draw(): return dict(plain(), numpy=str(numpy.random.default_rng().random()))
except ImportError:
    pass
seen, children = {}, int(sys.argv[2])
for child in range(children):
    here, there = os.pipe()
    if nursery._fork(0) == 0:
        try:
            os.write(there, repr(draw()).encode())
        finally:
            os._exit(0)
    os.close(there)
    told = b""
    while True:
        more = os.read(here, 65536)
        if not more: break
        told += more
    os.close(here)
    os.wait()
    for source, value in eval(told).items():
        if value in seen.setdefault(source, set()):
            print("child", child, "drew again", source, value)
        seen[source].add(value)
print("drawn:", children, sorted({len(v) for v in seen.values()}), *sorted(seen))
`

func TestThousandForksDrawNothingTwice(t *testing.T) {
	t.Parallel()
	const interpreter = "/usr/bin/python3"
	if _, err := os.Stat(interpreter); err != nil {
		t.Skipf("needs %s: %v", interpreter, err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	host := os.NewFile(uintptr(pair[0]), "host")
	defer host.Close()
	theirs := os.NewFile(uintptr(pair[1]), "zygote")
	defer theirs.Close()
	source, err := filepath.Abs("source")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "-B", "-c", thousand, source, "1000")
	cmd.ExtraFiles = []*os.File{theirs}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "drawn: 1000 [1000] ") {
		t.Errorf("%v\n%.4000s", err, out)
	}
	t.Logf("%s", out)
}
