<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** OpenFaaS's template: (new App\Handler())->handle($data); what is echoed is sent too. */
final class OpenFaaS implements Handler
{
    private object $handler;

    /** @param array<string, mixed> $spec */
    public function __construct(array $spec, string $task)
    {
        $before = get_declared_classes();
        [, $export] = Load::entry($spec['entry'], $task);
        $name = $export === '' ? 'Handler' : $export;
        $declared = array_diff(get_declared_classes(), $before);
        foreach (["App\\$name", $name, ...$declared] as $class) {
            if (class_exists($class) && method_exists($class, 'handle') && str_ends_with($class, $name)) {
                $this->handler = new $class();
                return;
            }
        }
        throw new Fault('init', 'Runtime.HandlerNotFound', "the code defines no class $name with a method handle");
    }

    public function serve(Call $call): void
    {
        $this->environment($call->head);
        $body = $call->body();
        ob_start();
        $result = $this->handler->handle($body);
        $text = ob_get_clean() . (is_array($result) || is_object($result) && !method_exists($result, '__toString')
            ? Failure::json($result) : (string) $result);
        $call->answer(200, [['content-type', 'text/plain; charset=utf-8']], $text);
    }

    /**
     * The request as the classic watchdog tells of it.
     *
     * @param array<string, mixed> $head
     */
    private function environment(array $head): void
    {
        putenv('Http_Method=' . ($head['method'] ?? 'POST'));
        putenv('Http_Path=' . ($head['path'] ?? '/'));
        putenv('Http_Query=' . ($head['query'] ?? ''));
        foreach ($head['headers'] ?? [] as [$name, $value]) {
            putenv('Http_' . str_replace('-', '_', ucwords($name, '-')) . '=' . str_replace("\0", '', $value));
        }
    }
}
