<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** Finds the code of a function. */
final class Load
{
    /** Stand-ins for classes of packages that a function may name but not bring. */
    private const STANDINS = [
        'Psr\Http\Message\\' => 'psr.php', 'GuzzleHttp\Psr7\Response' => 'http.php',
        'Nyholm\Psr7\Response' => 'http.php', 'Google\CloudFunctions\\' => 'framework.php',
        'CloudEvents\V1\\' => 'framework.php', 'Bref\\' => 'bref.php',
    ];

    /** Makes the function's packages loadable, and our stand-ins after them. */
    public static function prepare(string $task): void
    {
        set_include_path($task);
        if (is_file("$task/vendor/autoload.php")) {
            self::file("$task/vendor/autoload.php");
        }
        spl_autoload_register(static function (string $class): void {
            foreach (self::STANDINS as $prefix => $file) {
                if (str_starts_with($class, $prefix)) {
                    require_once __DIR__ . "/standins/$file";
                }
            }
        });
    }

    /**
     * Loads the file of an entry: the longest part of it, cut at dots, that is one. Gives
     * what the file returned, and the rest of the entry.
     *
     * @return array{mixed, string}
     */
    public static function entry(string $entry, string $task): array
    {
        $words = explode('.', $entry);
        for ($count = count($words); $count > 0; $count--) {
            $name = implode('.', array_slice($words, 0, $count));
            foreach ([$name . '.php', $name] as $file) {
                if (!str_contains($file, '..') && is_file("$task/$file")) {
                    return [self::file("$task/$file"), implode('.', array_slice($words, $count))];
                }
            }
        }
        throw new Fault('init', 'Runtime.HandlerNotFound', "entry \"$entry\" names no file of the code");
    }

    /** Loads a file in a scope of its own. */
    private static function file(string $path): mixed
    {
        return (static fn () => require_once func_get_arg(0))($path);
    }

    /** Gives what is called by that name: a function, or CLASS::METHOD. */
    public static function callable(string $name): callable
    {
        if (is_callable($name)) {
            return $name;
        }
        throw new Fault('init', 'Runtime.HandlerNotFound', "\"$name\" is not defined by the code");
    }
}
