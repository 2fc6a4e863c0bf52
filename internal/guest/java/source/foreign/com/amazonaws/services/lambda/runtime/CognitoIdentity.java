// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime;

/** A signature to compile against. */
public interface CognitoIdentity {
  String getIdentityId();

  String getIdentityPoolId();
}
