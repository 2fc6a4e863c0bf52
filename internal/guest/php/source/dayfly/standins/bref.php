<?php
// SPDX-License-Identifier: Apache-2.0

// Stands in for the bref/bref package when a function brings none: what handlers are
// given and what they may implement.

declare(strict_types=1);

namespace Bref\Context;

/** What a handler is told beside the event. */
final class Context implements \JsonSerializable
{
    public function __construct(
        private string $awsRequestId,
        private int $deadlineMs,
        private string $invokedFunctionArn,
        private string $traceId
    ) {
    }

    public function getAwsRequestId(): string
    {
        return $this->awsRequestId;
    }

    public function getRemainingTimeInMillis(): int
    {
        return max(0, $this->deadlineMs - (int) (microtime(true) * 1000));
    }

    public function getInvokedFunctionArn(): string
    {
        return $this->invokedFunctionArn;
    }

    public function getTraceId(): string
    {
        return $this->traceId;
    }

    /** @return array<string, mixed> */
    public function jsonSerialize(): array
    {
        return get_object_vars($this);
    }
}

namespace Bref\Event;

interface Handler
{
    // Untyped as the package has it, so that handlers may be.
    public function handle($event, \Bref\Context\Context $context);
}
