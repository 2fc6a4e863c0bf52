// SPDX-License-Identifier: Apache-2.0

package recipe

import "github.com/dayfly-faas/dayfly/internal/build/look"

// The files of Maven Central that builds fetch by themselves, as PATH@SHA256. What a
// compiler names but does not load for plain sources is left out.

// needed are the interfaces that handlers are written against. The serializer of
// Lambda's events belongs to its interfaces: the guest reads events with it.
var needed = map[look.JavaNeed][]string{
	look.NeedLambda: {
		"com/amazonaws/aws-lambda-java-core/1.4.0/aws-lambda-java-core-1.4.0.jar@" +
			"575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
		"com/amazonaws/aws-lambda-java-serialization/1.2.0/aws-lambda-java-serialization-1.2.0.jar@" +
			"1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7",
	},
	look.NeedEvents: {
		"com/amazonaws/aws-lambda-java-events/3.16.1/aws-lambda-java-events-3.16.1.jar@" +
			"e090b3832e8b4decbde272b8b0e6dd248115fe20d05f17e00f32a00805892f05",
		"joda-time/joda-time/2.10.8/joda-time-2.10.8.jar@" +
			"da04572b431597f0a42e6a7f44973f2bdc975776c25ad3cdb2ba92d17c554a66",
	},
	look.NeedFramework: {
		"com/google/cloud/functions/functions-framework-api/2.0.0/functions-framework-api-2.0.0.jar@" +
			"c9c8af3d48f6d5a374cfc2b70152c9ae62e6055ddb4f0b0b266705b1ee5f4d97",
		"io/cloudevents/cloudevents-api/4.0.1/cloudevents-api-4.0.1.jar@" +
			"1eb08784349017f4d9bf7e31cd9107c7e1dd15138f60507168a3a68b0206cf5b",
	},
	look.NeedGson: {
		"com/google/code/gson/gson/2.13.2/gson-2.13.2.jar@" +
			"dd0ce1b55a3ed2080cb70f9c655850cda86c206862310009dcb5e5c95265a5e0",
	},
	look.NeedOpenFaaS: {
		"com/openfaas/model/0.1.1/model-0.1.1.jar@" +
			"9e1f2dd5be96c148c7edcdec6ca03ab626fa433973b35796915e8bdee86ed3aa",
	},
}

// kotlinCompiler is Kotlin 2.4.21.
var kotlinCompiler = []string{
	"org/jetbrains/annotations/13.0/annotations-13.0.jar@" +
		"ace2a10dc8e2d5fd34925ecac03e4988b2c0f851650c94b8cef49ba1bd111478",
	"org/jetbrains/kotlin/kotlin-compiler-embeddable/2.4.21/kotlin-compiler-embeddable-2.4.21.jar@" +
		"ef19419c765e7ac8404465fa026ca8fc4dbb8a822de0fc79aa53c8dce29f1d02",
	"org/jetbrains/kotlin/kotlin-daemon-embeddable/2.4.21/kotlin-daemon-embeddable-2.4.21.jar@" +
		"7b3ef24674e5bcffcadfc4e43202ea314194939ecbcdd90a4770b2f1b04e0d07",
	"org/jetbrains/kotlin/kotlin-reflect/1.6.10/kotlin-reflect-1.6.10.jar@" +
		"3277ac102ae17aad10a55abec75ff5696c8d109790396434b496e75087854203",
	"org/jetbrains/kotlin/kotlin-script-runtime/2.4.21/kotlin-script-runtime-2.4.21.jar@" +
		"a658cf5902a1525a06c264a5e42b437e97a6679ddeef8ca641246f270cf6a013",
	"org/jetbrains/kotlin/kotlin-stdlib/2.4.21/kotlin-stdlib-2.4.21.jar@" +
		"bd8250210584cb659847dce9cda660f8e9906e5def7fbebcea93dc6dcb6a88a3",
	"org/jetbrains/kotlinx/kotlinx-coroutines-core-jvm/1.8.0/kotlinx-coroutines-core-jvm-1.8.0.jar@" +
		"9860906a1937490bf5f3b06d2f0e10ef451e65b95b269f22daf68a3d1f5065c5",
}

// kotlinLibraries are what its programs need.
var kotlinLibraries = []string{
	"org/jetbrains/annotations/13.0/annotations-13.0.jar@" +
		"ace2a10dc8e2d5fd34925ecac03e4988b2c0f851650c94b8cef49ba1bd111478",
	"org/jetbrains/kotlin/kotlin-stdlib/2.4.21/kotlin-stdlib-2.4.21.jar@" +
		"bd8250210584cb659847dce9cda660f8e9906e5def7fbebcea93dc6dcb6a88a3",
}

// scalaCompiler is Scala 3.3.7, the long-term line.
var scalaCompiler = []string{
	"org/scala-lang/modules/scala-asm/9.8.0-scala-1/scala-asm-9.8.0-scala-1.jar@" +
		"86af037580bdf9ce9c05f8b2afd734daf1a8564c38cd10ca5d08bf81508ad2e4",
	"org/scala-lang/scala3-compiler_3/3.3.7/scala3-compiler_3-3.3.7.jar@" +
		"e15fed89fb45248550c8227ea407c0eb496a6afb7bdf7abba4285d2fe55baf44",
	"org/scala-lang/scala3-interfaces/3.3.7/scala3-interfaces-3.3.7.jar@" +
		"f57f897043efda83576b5c18ce01df5a5a1c2033eeb26224fc2a8d1fb779f82c",
	"org/scala-lang/tasty-core_3/3.3.7/tasty-core_3-3.3.7.jar@" +
		"0748cd71c48398888313cb3c00b8aad39bd02f94d43cbca657d52903517a1e5a",
	"org/scala-sbt/compiler-interface/1.10.7/compiler-interface-1.10.7.jar@" +
		"2bacc5761e03920a228e5c9d20b33d9c51d43aaf2f52e8f839ece630966eb880",
	"org/scala-sbt/util-interface/1.10.7/util-interface-1.10.7.jar@" +
		"1d6b91efa42b70fc064caed6d62962374e13b27737f885a87c84c667b30be625",
}

// scalaLibraries are what its programs, and the compiler, need.
var scalaLibraries = []string{
	"org/scala-lang/scala-library/2.13.16/scala-library-2.13.16.jar@" +
		"1ebb2b6f9e4eb4022497c19b1e1e825019c08514f962aaac197145f88ed730f1",
	"org/scala-lang/scala3-library_3/3.3.7/scala3-library_3-3.3.7.jar@" +
		"a16e046f4a9df9e0d0e0bc54bf6298c94d7d867457f7b3b68291a88c568b92d0",
}

// clojureJars are Clojure of jvm.ClojureVersion.
var clojureJars = []string{
	"org/clojure/clojure/1.12.6/clojure-1.12.6.jar@" +
		"21b578db389a8e74b286ce79c4a7f86ec641e26d88b12f18d69030916b0e18ca",
	"org/clojure/core.specs.alpha/0.4.74/core.specs.alpha-0.4.74.jar@" +
		"eb73ac08cf49ba840c88ba67beef11336ca554333d9408808d78946e0feb9ddb",
	"org/clojure/spec.alpha/0.5.238/spec.alpha-0.5.238.jar@" +
		"94cd99b6ea639641f37af4860a643b6ed399ee5a8be5d717cff0b663c8d75077",
}

// mavenFolder and mavenArchive are the Maven for hosts without a recent one.
const (
	mavenFolder  = CacheDir + "/tools/apache-maven-3.9.16-bin/apache-maven-3.9.16"
	mavenArchive = "org/apache/maven/apache-maven/3.9.16/apache-maven-3.9.16-bin.zip@" +
		"5af3b743dd8b876b5c45da33b676251e5f1687712644abb4ee519ca56e1d89ce"
)

// sbtLauncher and sbtArchive are what starts sbt.
const (
	sbtLauncher = "sbt-launch-1.12.14.jar"
	sbtArchive  = "org/scala-sbt/sbt-launch/1.12.14/sbt-launch-1.12.14.jar@" +
		"1750c8fb61c2d2f82da40b2cd9014f4d8a1bd49a361402ea5b1cec061ed66578"
)
