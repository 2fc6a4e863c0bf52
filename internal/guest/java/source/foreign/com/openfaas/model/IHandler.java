// SPDX-License-Identifier: Apache-2.0

package com.openfaas.model;

/** A signature to compile against. */
public interface IHandler {
  IResponse Handle(IRequest request);
}
