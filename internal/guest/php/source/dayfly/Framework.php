<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

use Google\CloudFunctions\Registry;
use Psr\Http\Message\ResponseInterface;

/** Functions of the Functions Framework: HTTP and CloudEvent, the package there or not. */
final class Framework implements Handler
{
    private const HIDDEN = ['/robots.txt', '/favicon.ico']; // never reach a function

    /** @var callable */
    private $function;
    private bool $takesEvents;

    /** @param array<string, mixed> $spec */
    public function __construct(array $spec, string $task, private Output $output)
    {
        [, $export] = Load::entry($spec['entry'], $task);
        $name = $export === '' ? (getenv('FUNCTION_TARGET') ?: 'function') : $export;
        $this->takesEvents = $spec['dialect'] === 'cloudevent';
        $registry = Registry::getInstance();
        if ($registry->contains($name)) {
            $this->function = $registry->getFunctionHandle($name);
            $this->takesEvents = $registry->getFunctionType($name) === 'cloudevent';
        } else {
            $this->function = Load::callable($name);
        }
    }

    public function serve(Call $call): void
    {
        if (in_array($call->head['path'] ?? '/', self::HIDDEN, true)) {
            $call->answer(404, [], '');
            return;
        }
        $request = Request::of($call);
        try {
            $this->takesEvents ? $this->event($call, $request) : $this->http($call, $request);
        } catch (BadEvent $error) {
            $call->answer(400, [['content-type', 'text/plain; charset=utf-8']], $error->getMessage());
        } catch (Cancelled | Fault $error) {
            throw $error;
        } catch (\Throwable $error) {
            $this->crash($call, $error);
        }
    }

    /** The framework's own answer to what a function throws; the host notes the failure. */
    private function crash(Call $call, \Throwable $error): void
    {
        if ($call->started) {
            throw $error;
        }
        $this->output->write(2, Failure::log($error));
        $call->failure = Failure::describe($error);
        $status = $this->takesEvents ? 'error' : 'crash';
        $call->answer(500, [['x-google-status', $status], ['content-type', 'text/plain; charset=utf-8']], 'Internal Server Error');
    }

    private function http(Call $call, object $request): void
    {
        $result = ($this->function)($request);
        if (is_string($result)) {
            $call->answer(200, [['content-type', 'text/html; charset=utf-8']], $result);
            return;
        }
        if (!$result instanceof ResponseInterface) {
            throw new \UnexpectedValueException('Function response must be string or ' . ResponseInterface::class);
        }
        $this->respond($call, $result);
    }

    private function respond(Call $call, ResponseInterface $response): void
    {
        $headers = [];
        foreach ($response->getHeaders() as $name => $values) {
            foreach ($values as $value) {
                $headers[] = [strtolower((string) $name), (string) $value];
            }
        }
        $body = $response->getBody();
        if ($body->isSeekable()) {
            $body->rewind();
        }
        $call->start($response->getStatusCode(), $headers);
        while (!$body->eof()) {
            $call->write($body->read(65536));
        }
        $call->finish();
    }

    private function event(Call $call, object $request): void
    {
        $events = CloudEvents::read($request);
        $failed = [];
        foreach ($events as $fields) {
            try {
                ($this->function)(
                    $this->wantsInterface() ? CloudEvents::immutable($fields) : CloudEvents::plain($fields)
                );
            } catch (\Throwable $failure) {
                $failed[] = ['itemIdentifier' => $fields['id']];
                if (count($failed) === count($events)) {
                    throw $failure;
                }
                $this->output->write(2, Failure::log($failure));
            }
        }
        if ($failed === []) {
            $call->answer(200, [], '');
            return;
        }
        $told = json_encode(['batchItemFailures' => $failed]);
        $call->answer(207, [['content-type', 'application/json']], $told);
    }

    /** Whether the function asks for the event of the CloudEvents SDK. */
    private function wantsInterface(): bool
    {
        $function = new \ReflectionFunction(\Closure::fromCallable($this->function));
        $type = ($function->getParameters()[0] ?? null)?->getType();
        return $type instanceof \ReflectionNamedType && str_starts_with($type->getName(), 'CloudEvents\\');
    }
}
