// SPDX-License-Identifier: Apache-2.0

// Package java holds the Java guest: what a virtual machine of Java (11 or later) runs
// inside a sandbox so that it speaks frames (docs/formats/frames.md). Kotlin, Scala and
// Clojure run on it as well.
//
//	Compiler.Compile ─▶ CACHE/java/KEY/guest.jar    javac of the same JDK, once
//	Compiler.Archive ─▶ CACHE/java/KEY/guest.jsa    classes as the machine maps them
//
//	java … -jar guest.jar               fd 3 = the socket to the host
//	  hello ─▶ warm-up ─▶ specialise ─▶ load the class ─▶ ready ─▶ request … end
//	                                        │
//	     lambda      RequestHandler, RequestStreamHandler, Cls::method, ns/var of Clojure
//	     framework   HttpFunction; typed: TypedFunction
//	     cloudevent  CloudEventsFunction; event: (Raw)BackgroundFunction
//	     openwhisk   static JsonObject main(JsonObject)
//	     openfaas    com.openfaas.model.IHandler
//
// The code's classes join the guest's own class path: /var/task, /var/task/lib/*.jar,
// /var/task/.dayfly/java/classes, /var/task/.dayfly/java/lib/*.jar. So the guest's classes
// implement the interfaces that the code brings; source/foreign has their signatures, to
// compile against, and is no part of the jar. HTTP becomes events of Lambda and OpenWhisk
// in the relay before the guest (internal/guest/relay).
//
// Guarantees: bodies stream both ways within the protocol's window, but for events, which
// are whole; with a concurrency of 1 all of a call happens on one thread, on which the
// code was loaded, too; above it each call has a thread, virtual where there are such.
// An exception never ends the process; System.exit does, and so do errors of the virtual
// machine (memory, stack), after they were told. What a handler prints is sent line by
// line before its answer ends.
package java
