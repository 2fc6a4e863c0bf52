<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace DayflyGuest;

/** The request holds no event that can be read. */
final class BadEvent extends \RuntimeException
{
}

/** Reads CloudEvents out of requests, in binary and structured mode. */
final class CloudEvents
{
    private const REQUIRED = ['id', 'source', 'specversion', 'type'];

    private const EVENTS_MAX = 10000; // of one batch

    /** The events of a request: a batch's, or the one that it is. @return list<array<string, mixed>> */
    public static function read(object $request): array
    {
        $type = $request->getHeaderLine('content-type');
        if (stripos($type, 'application/cloudevents-batch') === 0) {
            $body = ltrim((string) $request->getBody());
            $list = str_starts_with($body, '[') ? json_decode($body, true) : null;
            if (!is_array($list) || count($list) > self::EVENTS_MAX) {
                throw new BadEvent('A batch is a list of at most ' . self::EVENTS_MAX . ' events');
            }
            return array_map(fn ($fields) => self::checked(self::structured($fields)), $list);
        }
        $fields = stripos($type, 'application/cloudevents') === 0
            ? self::structured(json_decode((string) $request->getBody(), true)) : self::binary($request, $type);
        return [self::checked($fields)];
    }

    /** @param array<string, mixed> $fields @return array<string, mixed> */
    private static function checked(array $fields): array
    {
        foreach (self::REQUIRED as $name) {
            if (!is_string($fields[$name] ?? null) || $fields[$name] === '') {
                throw new BadEvent("The event lacks $name");
            }
        }
        if (!str_starts_with($fields['specversion'], '1.')) {
            throw new BadEvent("The event's specversion is not 1.0");
        }
        return $fields;
    }

    /** The event as Google's framework gives it. @param array<string, mixed> $fields */
    public static function plain(array $fields): object
    {
        if (!is_array($fields['data'] ?? null) && isset($fields['data'])) {
            $fields['data'] = [$fields['data']]; // its data is an array
        }
        return \Google\CloudFunctions\CloudEvent::fromArray($fields);
    }

    /** The event of the SDK. @param array<string, mixed> $fields */
    public static function immutable(array $fields): object
    {
        $known = ['id', 'source', 'specversion', 'type', 'datacontenttype', 'dataschema', 'subject', 'time', 'data'];
        $time = isset($fields['time']) ? new \DateTimeImmutable($fields['time']) : null;
        return new \CloudEvents\V1\CloudEventImmutable(
            $fields['id'], $fields['source'], $fields['type'], $fields['data'] ?? null, $fields['datacontenttype'] ?? null,
            $fields['dataschema'] ?? null, $fields['subject'] ?? null, $time, array_diff_key($fields, array_flip($known))
        );
    }

    /** @return array<string, mixed> */
    private static function structured(mixed $fields): array
    {
        if (!is_array($fields)) {
            throw new BadEvent('The event is no JSON object');
        }
        if (is_string($fields['data_base64'] ?? null)) {
            $fields['data'] = base64_decode($fields['data_base64']);
        }
        unset($fields['data_base64']);
        return $fields;
    }

    /** @return array<string, mixed> */
    private static function binary(object $request, string $type): array
    {
        $fields = [];
        foreach ($request->getHeaders() as $name => $values) {
            if (preg_match('/^ce-([a-z0-9]+)$/i', (string) $name, $match)) {
                $value = implode(',', $values);
                if (preg_match('/^"(.*)"$/s', $value, $quoted)) {
                    $value = stripslashes($quoted[1]);
                }
                $fields[strtolower($match[1])] = rawurldecode($value);
            }
        }
        if ($fields === []) {
            throw new BadEvent('The request holds no event');
        }
        $body = (string) $request->getBody();
        if ($type !== '') {
            $fields['datacontenttype'] = $type;
        }
        if ($body !== '') {
            $fields['data'] = preg_match('{^application/(?:[\w.-]+\+)?json\b}i', $type) ? json_decode($body, true) : $body;
            if ($fields['data'] === null && trim($body) !== 'null') {
                throw new BadEvent('The event\'s data is no JSON: ' . json_last_error_msg());
            }
        }
        return $fields;
    }
}
