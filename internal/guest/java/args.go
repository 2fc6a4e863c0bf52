// SPDX-License-Identifier: Apache-2.0

package java

import (
	"fmt"
	"path/filepath"
)

// The files in a guest's folder.
const (
	jarName     = "guest.jar"
	archiveName = "guest.jsa"
	taskName    = "task" // the function that stems train with
)

const (
	// heapFloor is the least heap that the guest itself is content with.
	heapFloor = 24 << 20
	// besideHeap is what a small virtual machine takes beside its heap: code, classes
	// and stacks.
	besideHeap = 64 << 20
)

// flags make a virtual machine that starts soon and stays small. C1 alone compiles: most
// instances end before C2 would pay (AWS Lambda does the same).
func flags() []string {
	return []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
		"-XX:-UsePerfData", // no file in /tmp
		"-Duser.dir=/var/task",
	}
}

// Args are the options of java and its arguments: the guest in folder, with a heap for
// instances of that much memory, which a virtual machine can set at its start only. The
// rest of the memory is for what is not heap: a fifth, or what a small machine takes.
func Args(folder string, memoryBytes int64) []string {
	heap := max(heapFloor, memoryBytes-max(besideHeap, memoryBytes/5))
	return append(flags(), "-XX:SharedArchiveFile="+filepath.Join(folder, archiveName),
		fmt.Sprintf("-Xmx%d", heap), "-jar", filepath.Join(folder, jarName))
}

// HeapClass rounds memory down to a quarter of a power of two: 256, 320, 384, 448, 512 …
// MiB. Instances of one class are made from the same stems.
func HeapClass(memoryBytes int64) int64 {
	step := int64(1)
	for step*8 <= memoryBytes {
		step *= 2
	}
	return memoryBytes / step * step
}
