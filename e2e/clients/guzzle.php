<?php
// The document's Guzzle lines, against a running server: guzzle.php BASE TOKEN UUID. Prints what it was told, as JSON.
require '/usr/share/php/GuzzleHttp/autoload.php';

[, $base, $token, $deviceUuid] = $argv;
$client = new GuzzleHttp\Client([
    'base_uri' => $base,
    'headers' => ['Authorization' => "Bearer $token", 'Accept' => 'application/json'],
]);
$read = fn ($response) => json_decode((string) $response->getBody(), true);
$told = [
    'devices' => $read($client->get('/api/devices')),
    'device' => $read($client->get("/api/devices/{$deviceUuid}")),
    'verified' => $read($client->patch("/api/devices/{$deviceUuid}/verify")),
    'signed out' => $read($client->post('/api/devices/signout')),
];
try {
    $client->get('/api/devices');
} catch (GuzzleHttp\Exception\ClientException $refused) {
    $told['after'] = [$refused->getResponse()->getStatusCode(), $read($refused->getResponse())];
}
echo json_encode($told);
