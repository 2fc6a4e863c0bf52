<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** What serves the calls of one dialect. */
interface Handler
{
    /** Answers one call; may throw. */
    public function serve(Call $call): void;
}

/**
 * The life of one guest: hello, specialise, become the revision, ready, then one call
 * after the other until the connection closes.
 */
final class Guest
{
    private Wire $wire;
    private Output $output;
    private ?Call $call = null;
    private bool $ready = false;
    private string $reserve = ''; // given up to tell of a lack of memory

    /** Never returns. */
    public function main(): void
    {
        $this->wire = new Wire();
        $this->output = new Output($this->wire);
        $this->wire->frame(Wire::HELLO, 0, Failure::json(
            ['protocol' => 1, 'language' => 'php', 'version' => PHP_VERSION]
        ));
        do {
            [$kind, , $payload] = $this->wire->receive();
        } while ($kind !== Wire::SPECIALISE);
        register_shutdown_function([$this, 'shutdown']);
        $this->reserve = str_repeat(' ', 65536);
        $this->output->install();
        $spec = json_decode($payload, true);
        try {
            $handler = $this->specialise($spec);
        } catch (\Throwable $error) {
            $this->refuse(Failure::describe($error, 'init'), Failure::log($error));
        }
        $this->output->flush();
        $this->ready = true;
        $this->wire->frame(Wire::READY, 0, Failure::json(['serve' => 'frames', 'dialect' => $spec['dialect']]));
        $this->run($handler);
    }

    /** @param array<string, mixed> $spec */
    private function specialise(array $spec): Handler
    {
        $task = $spec['task'] ?? '/var/task';
        $this->become($spec['env'] ?? [], $task);
        Load::prepare($task);
        return match ($spec['dialect']) {
            'framework', 'cloudevent' => new Framework($spec, $task, $this->output),
            'openfaas' => new OpenFaaS($spec, $task),
            'openwhisk' => new OpenWhisk($spec, $task),
            'lambda' => new Lambda($spec, $task),
            default => throw new Fault('init', 'Runtime.UnknownDialect', "dialect \"{$spec['dialect']}\" is not one "
                . 'of PHP: framework, cloudevent, openfaas, openwhisk or lambda'),
        };
    }

    /**
     * Takes on the environment and folder of a function.
     *
     * @param array<string, string> $env
     */
    private function become(array $env, string $task): void
    {
        foreach (array_keys(getenv()) as $name) {
            putenv($name);
            unset($_ENV[$name], $_SERVER[$name]);
        }
        foreach ($env as $name => $value) {
            putenv("$name=$value");
            $_ENV[$name] = $_SERVER[$name] = $value;
        }
        chdir($task);
        date_default_timezone_set(@timezone_open(ltrim($env['TZ'] ?? 'UTC', ':')) ? ltrim($env['TZ'] ?? 'UTC', ':') : 'UTC');
    }

    private function run(Handler $handler): void
    {
        while (true) {
            [$kind, $stream, $payload] = $this->wire->receive();
            if ($kind !== Wire::REQUEST) {
                continue; // the rest belongs to streams that are over
            }
            $this->call = new Call($this->wire, $this->output, $stream, json_decode($payload, true));
            $this->output->stream = $stream;
            $this->serve($handler, $this->call);
            $this->output->stream = 0;
            $this->call = null;
        }
    }

    private function serve(Handler $handler, Call $call): void
    {
        $level = ob_get_level();
        try {
            $handler->serve($call);
        } catch (Cancelled $error) {
            $call->finish();
        } catch (\Throwable $error) {
            $this->close($level);
            $this->output->write(2, Failure::log($error));
            $call->fail(Failure::describe($error));
        }
        $this->close($level);
    }

    /** Ends the buffers that a handler left open. */
    private function close(int $level): void
    {
        while (ob_get_level() > $level) {
            ob_end_clean();
        }
        $this->output->flush();
    }

    /** Tells of an end that nobody asked for: exit in a handler, or what PHP cannot survive. */
    public function shutdown(): void
    {
        $this->reserve = '';
        if ($this->wire->gone || $this->ready && $this->call === null) {
            return;
        }
        $last = error_get_last();
        $fatal = $last !== null && ($last['type'] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR));
        $fault = new Fault($this->ready ? 'exception' : 'init', $fatal ? 'FatalError' : 'Runtime.ExitError', $fatal
            ? "{$last['message']} in {$last['file']}:{$last['line']}" : 'the handler ended the process');
        if (!$this->ready) {
            $this->refuse(Failure::describe($fault), Failure::log($fault));
        }
        $this->output->flush();
        $this->call->fail(Failure::describe($fault));
    }

    /** @param array<string, mixed> $told */
    private function refuse(array $told, string $log): void
    {
        $this->output->flush();
        $this->output->write(2, $log);
        $this->wire->frame(Wire::ERROR, 0, Failure::json(['kind' => 'init'] + $told));
        $this->wire->gone = true;
        exit(1);
    }
}
