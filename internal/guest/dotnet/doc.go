// SPDX-License-Identifier: Apache-2.0

// Package dotnet is the guest of C# and the other .NET languages, on Mono and on .NET.
//
//	source/*.cs ──▶ Install: mcs or dotnet build, once a node ──▶ guest.exe or guest.dll
//	                                                                │ in every stem's box
//	host ══ frames, descriptor 3 ══ Session ──▶ Revision: Assembly::Namespace.Class::Method
//	                                   └──▶ LambdaDialect, OpenWhiskDialect, OpenFaasDialect
//
// The guest takes events only for lambda and openwhisk: it stands behind the relay. For
// openfaas it gets HTTP requests.
//
// source/compat is compiled to an assembly called Amazon.Lambda.Core: what functions are
// compiled against, and run with, when they do not bring the package of that name. When
// they do, theirs is the only one that is loaded.
//
// It is not a web server: ASP.NET applications are programs of the http contract.
//
// Guarantees. A stem has compiled what a first call passes through, but has loaded
// nothing of a function. What code prints belongs to the call that printed it, also when
// several run at once. Install leaves a whole folder or none.
package dotnet
