scalaVersion := "3.3.7"
libraryDependencies += "com.google.code.gson" % "gson" % "2.13.2"
