<?php
// SPDX-License-Identifier: Apache-2.0

function main(array $args): array
{
    return ['greeting' => 'Hello, ' . ($args['name'] ?? 'stranger') . '!'];
}
