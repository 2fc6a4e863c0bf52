<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** An action of OpenWhisk: main(array $args) gives an array. The relay makes HTTP of it. */
final class OpenWhisk implements Handler
{
    /** @var callable */
    private $action;

    /** @param array<string, mixed> $spec */
    public function __construct(array $spec, string $task)
    {
        [, $export] = Load::entry($spec['entry'], $task);
        $this->action = Load::callable($export === '' ? 'main' : $export);
        putenv('__OW_ACTION_NAME=' . ($spec['function'] ?? ''));
    }

    public function serve(Call $call): void
    {
        putenv('__OW_ACTIVATION_ID=' . $call->id());
        putenv('__OW_DEADLINE=' . ($call->head['deadline_ms'] ?? ''));
        $parameters = json_decode($call->body(), true, 512, JSON_THROW_ON_ERROR);
        $result = ($this->action)($parameters);
        if (is_object($result)) {
            $result = (array) $result;
        }
        if (!is_array($result)) {
            throw new Fault('bad_response', 'Function.BadResponse', 'The action did not return a dictionary.');
        }
        $call->answer(200, [['content-type', 'application/json']], Failure::json($result === [] ? new \stdClass() : $result));
    }
}
