<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** Describes what was thrown. */
final class Failure
{
    private const MESSAGE_MAX = 200000; // bytes; escaped and in base64 it still fits a frame
    private const STACK_MAX = 100; // entries

    /** Encodes what is ours to encode; text that is no UTF-8 is mended. */
    public static function json(mixed $value): string
    {
        return json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
            | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR);
    }

    /** @return array<string, mixed> the error frame */
    public static function describe(\Throwable $error, string $kind = 'exception'): array
    {
        $type = $error instanceof Fault ? $error->type : get_class($error);
        $told = [
            'kind' => $error instanceof Fault ? $error->kind : $kind, 'type' => $type,
            'message' => substr($error->getMessage(), 0, self::MESSAGE_MAX), 'stack' => self::stack($error),
        ];
        $told['payload'] = base64_encode(self::json(
            ['errorType' => $type, 'errorMessage' => $told['message'], 'stack' => $told['stack']]
        ));
        return $told;
    }

    /** The lines for standard error, as PHP itself prints them. */
    public static function log(\Throwable $error): string
    {
        $first = get_class($error) . ': ' . $error->getMessage();
        return implode("\n", array_merge([$first], array_map(fn ($line) => "\tat $line", self::stack($error)))) . "\n";
    }

    /** @return string[] */
    private static function stack(\Throwable $error): array
    {
        if ($error instanceof Fault) {
            return [];
        }
        $lines = [$error->getFile() . ':' . $error->getLine()];
        foreach ($error->getTrace() as $entry) {
            $file = $entry['file'] ?? '';
            if (str_starts_with($file, __DIR__) || count($lines) >= self::STACK_MAX) {
                break;
            }
            $name = ($entry['class'] ?? '') . ($entry['type'] ?? '') . $entry['function'];
            $lines[] = ($file === '' ? '[internal]' : $file . ':' . ($entry['line'] ?? 0)) . " in $name";
        }
        return $lines;
    }
}
