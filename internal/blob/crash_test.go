// SPDX-License-Identifier: Apache-2.0

package blob_test

const crashEnv = "BLOB_TEST_CRASH"

func writeUntilFault(string) {}
