import assert from "node:assert/strict";
import { test } from "node:test";

import { findAddressRefusal, findPrivateRefusal, readAddress } from "./address.ts";

const refused = [
  ...["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"],
  ...["255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "::127.0.0.1", "::ffff:10.0.0.1"],
  ...["fe80::1", "fc00::1", "fd12::1", "ff02::1", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:db8::1"],
];

test("addresses that are not public are refused, in whatever clothes", () => {
  assert.deepEqual(
    refused.filter((address) => findAddressRefusal(address) === undefined),
    [],
  );
});

test("public addresses are not refused", () => {
  const open = ["1.1.1.1", "149.154.167.220", "2606:4700:4700::1111", "::ffff:1.1.1.1"];

  assert.deepEqual(
    open.filter((address) => findAddressRefusal(address) !== undefined),
    [],
  );
});

test("a host is an address or a name, also when it is written in numbers", () => {
  const read = (url: string): string | undefined => readAddress(new URL(url).hostname);

  assert.deepEqual(
    ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://[::1]/", "https://example.com/"].map(
      read,
    ),
    ["127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", undefined],
  );
});

test("a place that may be private is this host or its networks, and never a metadata service", () => {
  const inside = ["127.0.0.1", "10.0.0.1", "::1", "fd12::1", "100.64.0.1", "1.1.1.1"];
  const never = ["169.254.169.254", "fe80::1", "100.100.100.200", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0"];

  assert.deepEqual(
    inside.filter((address) => findPrivateRefusal(address) !== undefined),
    [],
  );
  assert.deepEqual(
    never.filter((address) => findPrivateRefusal(address) === undefined),
    [],
  );
  assert.equal(findAddressRefusal("168.63.129.16"), "metadata");
});
