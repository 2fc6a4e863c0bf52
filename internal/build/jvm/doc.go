// SPDX-License-Identifier: Apache-2.0

// Package jvm finds what can be called in Java, Kotlin, Scala and Clojure, and what builds it.
//
//	pom.xml, build.gradle, project.clj, build.sbt, deps.edn, jars, loose files
//	   ─▶ one project ─▶ its units: handlers and programs ─▶ Candidates ─▶ Finish
//
// Classes and namespaces are judged by their text: what they implement, and how they are
// annotated. The project is looked for once.
package jvm
