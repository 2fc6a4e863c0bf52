<?php
// SPDX-License-Identifier: Apache-2.0

namespace App;

/** The handler of OpenFaaS's template. */
class Handler
{
    public function handle(string $data): string
    {
        return 'Hello from OpenFaaS: ' . strrev($data);
    }
}
