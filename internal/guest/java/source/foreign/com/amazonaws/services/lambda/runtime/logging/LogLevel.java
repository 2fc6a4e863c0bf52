// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime.logging;

/** A signature to compile against. */
public enum LogLevel {
  UNDEFINED
}
