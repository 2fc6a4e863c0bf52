<?php
// SPDX-License-Identifier: Apache-2.0

use CloudEvents\V1\CloudEventInterface;
use Google\CloudFunctions\FunctionsFramework;

FunctionsFramework::cloudEvent('uploaded', 'uploaded');

function uploaded(CloudEventInterface $event): void
{
    $data = $event->getData();
    if (!isset($data['name'])) {
        throw new InvalidArgumentException('no name');
    }
    echo "{$event->getType()} from {$event->getSource()}: {$data['name']}\n";
}
