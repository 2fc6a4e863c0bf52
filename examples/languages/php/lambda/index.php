<?php
// SPDX-License-Identifier: Apache-2.0

use Bref\Context\Context;

return function (array $event, Context $context): array {
    $name = $event['queryStringParameters']['name'] ?? 'world';

    return [
        'statusCode' => 200,
        'headers' => ['Content-Type' => 'application/json'],
        'body' => json_encode(['greeting' => "Hello, $name!", 'in_time' => $context->getRemainingTimeInMillis() > 0]),
    ];
};
