<?php
// SPDX-License-Identifier: Apache-2.0

use CloudEvents\V1\CloudEventInterface;
use Google\CloudFunctions\FunctionsFramework;

FunctionsFramework::cloudEvent('helloCloudEvent', 'helloCloudEvent');

function helloCloudEvent(CloudEventInterface $event): void
{
    $data = $event->getData();
    echo "got {$event->getType()} {$event->getSource()} {$event->getSubject()} " . json_encode($data) . "\n";
    if (isset($data['bad'])) {
        throw new InvalidArgumentException('a bad event');
    }
}
