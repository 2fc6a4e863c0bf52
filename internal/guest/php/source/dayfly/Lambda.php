<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/**
 * A Lambda handler in Bref's manner: the file returns a callable that takes the event and
 * the context, or an object with handle. The relay turns HTTP into events.
 */
final class Lambda implements Handler
{
    /** @var callable */
    private $handler;
    /** @var array<string, mixed> */
    private array $spec;

    /** @param array<string, mixed> $spec */
    public function __construct(array $spec, string $task)
    {
        [$value, $export] = Load::entry($spec['entry'], $task);
        if ($export !== '') {
            $value = class_exists($export) ? new $export() : Load::callable($export);
        }
        if (is_object($value) && !is_callable($value) && method_exists($value, 'handle')) {
            $value = [$value, 'handle'];
        }
        if (!is_callable($value)) {
            throw new Fault('init', 'Runtime.HandlerNotFound', 'the file returns no handler: neither a function nor an object with handle');
        }
        $this->handler = $value;
        $this->spec = $spec;
    }

    public function serve(Call $call): void
    {
        $event = json_decode($call->body(), true, 512, JSON_THROW_ON_ERROR);
        if (isset($call->head['trace'])) {
            putenv('_X_AMZN_TRACE_ID=' . $this->trace($call->head['trace']));
        }
        $result = ($this->handler)($event, $this->context($call));
        try {
            $text = json_encode($result, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            throw new Fault('bad_response', 'Function.BadResponse', 'the result cannot be encoded as JSON: ' . $error->getMessage());
        }
        $call->answer(200, [['content-type', 'application/json']], $text);
    }

    private function context(Call $call): object
    {
        $region = getenv('AWS_REGION') ?: 'us-east-1';
        $name = getenv('AWS_LAMBDA_FUNCTION_NAME') ?: $this->spec['function'] ?? '';
        return new \Bref\Context\Context(
            $call->id(),
            (int) ($call->head['deadline_ms'] ?? 0),
            "arn:aws:lambda:$region:000000000000:function:$name",
            $this->trace($call->head['trace'] ?? '')
        );
    }

    private function trace(string $parent): string
    {
        $words = explode('-', $parent);
        if (count($words) < 4) {
            return '';
        }
        return 'Root=1-' . substr($words[1], 0, 8) . '-' . substr($words[1], 8) . ";Parent=$words[2];Sampled=" . (hexdec($words[3]) & 1);
    }
}
