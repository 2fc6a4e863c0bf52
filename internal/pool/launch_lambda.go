// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/lambda"
)

const (
	// lambdaPath is where programs made for AWS's images look beside the usual places.
	lambdaPath = "/var/lang/bin:/opt/bin"
	// lambdaLibraries are searched before the system's own: code may bring libraries.
	lambdaLibraries = "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" +
		taskDir + ":" + taskDir + "/lib:/opt/lib"
)

// lambdaEnvironment adds what AWS's runtimes set and code reads. Credentials, the region
// and what concerns the process itself are the function's to change; what names the
// function and its platform is not (reservedByLambda).
func (l *launch) lambdaEnvironment(env map[string]string, rev *dayfly.Revision) {
	spec, version := &rev.Spec, strconv.Itoa(rev.Number)
	for k, v := range map[string]string{
		"_HANDLER": spec.Entry, "LAMBDA_TASK_ROOT": taskDir, "LAMBDA_RUNTIME_DIR": guestTarget,
		"TZ": ":UTC", "LANG": "en_US.UTF-8", "SHLVL": "0",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME":        string(rev.Function.Name),
		"AWS_LAMBDA_FUNCTION_VERSION":     version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.FormatInt(spec.Limits.MemoryBytes>>20, 10),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + string(rev.Function.Name),
		"AWS_LAMBDA_LOG_STREAM_NAME":      logStream(time.Now(), version),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
	} {
		env[k] = v
	}
	if spec.Contract != dayfly.ContractLambda {
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + string(spec.Runtime)
		return
	}
	env["AWS_LAMBDA_RUNTIME_API"] = lambda.Address
	env["PATH"] = l.path() + ":" + lambdaPath
	env["LD_LIBRARY_PATH"] = lambdaLibraries
	if spec.Entry == "" { // the last word of the command, where clients take the handler
		env["_HANDLER"] = spec.Command[len(spec.Command)-1]
	}
	if spec.Scaling.Concurrency > 1 {
		// Clients take several events at once as soon as it is there.
		env["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(spec.Scaling.Concurrency)
	}
}

// logStream names the log of one instance as AWS does.
func logStream(now time.Time, version string) string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return now.UTC().Format("2006/01/02/") + "[" + version + "]" + hex.EncodeToString(id[:])
}

// reservedByLambda tells whether a variable is the platform's own.
func reservedByLambda(name string) bool {
	switch name {
	case "_HANDLER", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_MAX_CONCURRENCY":
		return true
	}
	return strings.HasPrefix(name, "AWS_LAMBDA_FUNCTION_") || name == "AWS_LAMBDA_LOG_GROUP_NAME" ||
		name == "AWS_LAMBDA_LOG_STREAM_NAME"
}
