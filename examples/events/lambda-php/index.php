<?php
// SPDX-License-Identifier: Apache-2.0

use Bref\Context\Context;

return function (array $event, Context $context): array {
    echo 'got ' . json_encode($event) . "\n";
    $failures = [];
    foreach ($event['Records'] ?? [] as $record) {
        if (str_contains($record['body'] ?? '', 'bad')) {
            $failures[] = ['itemIdentifier' => $record['messageId']];
        }
    }

    return ['batchItemFailures' => $failures];
};
