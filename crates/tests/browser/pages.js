// Tests the pages in a real browser with a virtual authenticator. Called by tests/http/browser.rs with the service's URL,
// an account's address and password, and the path of the browser.

import assert from "node:assert/strict";

import { chromium } from "playwright-core";

const [url, email, password, program] = process.argv.slice(2);
const PASSPHRASE = "violets tumble over granite";
const QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];

const browser = await chromium.launch({ executablePath: program, args: [...QUIET, "--disable-component-update"] });
try {
  for (const [name, test] of Object.entries({ links, passkeys, docs, narrow })) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 820 } });
    const page = await context.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (line) => /Content Security Policy|TypeError/.test(line.text()) && faults.push(line.text()));
    await test(page, context);
    assert.deepEqual(faults, [], name);
    await context.close();
    console.log(`${name}: ok`);
  }
} finally {
  await browser.close();
}

// A mailed link pasted into an open page works, disappears from the address bar, and is refused once it is used.
async function links(page) {
  const address = `new-${Date.now()}@example.org`;
  await page.goto(`${url}/account/sign-up`);
  await page.fill("#email", address);
  await page.fill("#new-password", "xK9$mQ2!vL7#aB");
  await page.waitForSelector("#strength[data-score]");
  assert.equal(await page.getAttribute("#strength", "data-score"), "2");
  assert.match(await page.innerText("#strength-hint"), /^Not strong enough\. .*at least 15 characters/);
  await page.fill("#new-password", PASSPHRASE);
  await send(page, "#sign-up-form", "#done");

  const link = await linkOf(address);
  await page.goto(`${url}/account/confirm`);
  await shown(page, "#no-token");
  await page.evaluate((there) => location.assign(there), link);
  await shown(page, "#choose");
  assert.equal(page.url(), `${url}/account/confirm`);
  assert.equal(await page.inputValue("[autocomplete=username]"), address);
  await page.fill("#password", PASSPHRASE);
  await send(page, "#password-form", "#done");

  await page.evaluate((there) => location.assign(there), link);
  await shown(page, "#spent");
  assert.equal(await page.locator("form:visible").count(), 0);
  assert.equal(await page.locator("a.action:visible").getAttribute("href"), "/account/sign-in");
}

// A passkey can be added, signs in by itself, and becomes the account's second factor.
async function passkeys(page, context) {
  const devices = await context.newCDPSession(page);
  await devices.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true };
  const { authenticatorId } = await devices.send("WebAuthn.addVirtualAuthenticator", {
    options: { ...options, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const finger = (enabled) => devices.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });

  await signIn(page, "/account/security", "#security");
  await page.click("#add-form button");
  await page.waitForSelector("#codes[open]");
  assert.equal(await page.locator("#code-list li").count(), 10);
  await page.click("[data-close=codes]");
  assert.equal(await page.locator("#passkeys .row").count(), 1);

  // The browser suggests the passkey for the address field, without typing.
  await page.click("#sign-out-form button");
  await shown(page, "#signed-in");

  await finger(false);
  await page.click("#sign-out-form button");
  await shown(page, "#sign-in");
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#sign-in-form button[type=submit]");
  await page.waitForSelector("#sign-in-form .message:not([hidden])");
  assert.equal(await page.innerText("#sign-in-form .message"), "Use your passkey, or enter one of your recovery codes.");
  await finger(true);
  await page.click("#passkey-form button");
  await shown(page, "#signed-in");

  await page.goto(`${url}/account/security`);
  await page.click("#passkeys .danger");
  await send(page, "#remove-form", "#security");
  await page.waitForFunction(() => document.querySelectorAll("#passkeys .row").length === 0);
}

// The docs page shares the session of the account pages, and its dialog ends it.
async function docs(page) {
  await page.goto(`${url}/docs`);
  await page.waitForSelector(".opblock");
  await page.fill(".operation-filter-input", "nothing has this name");
  await page.waitForSelector(".no-match");

  await signIn(page, "/docs#/customers/create_customer", "#signed-in");
  const operation = page.locator("#operations-customers-create_customer");
  await operation.locator(".opblock-body").waitFor();
  await page.waitForFunction(() => {
    const bar = document.querySelector(".bar").getBoundingClientRect();
    const top = document.querySelector("#operations-customers-create_customer").getBoundingClientRect().top;
    return top >= bar.bottom && top < bar.bottom + 60;
  });
  assert.match(await operation.locator("textarea").first().inputValue(), /"full_name": "Ada Lovelace"/);

  await page.click(".btn.authorize");
  await page.locator(".dialog-ux button", { hasText: "Logout" }).click();
  await shown(page, "#sign-in");
  assert.equal(await page.evaluate(() => fetch("/v1/me").then((answer) => answer.status)), 401);
}

// On a phone no page is wider than the screen.
async function narrow(page) {
  await page.setViewportSize({ width: 390, height: 800 });
  await signIn(page, "/docs", "#signed-in");
  for (const path of ["/docs", "/account/security", "/account/sign-in", "/", "/nothing"]) {
    await page.goto(url + path);
    await page.waitForLoadState("networkidle");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, path);
  }
}

async function signIn(page, next, part) {
  await page.goto(`${url}/account/sign-in?next=${encodeURIComponent(next)}`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#sign-in-form button[type=submit]");
  await page.waitForURL(url + next);
  await shown(page, part);
}

async function send(page, form, part) {
  await page.click(`${form} button[type=submit]`);
  await shown(page, part);
}

function shown(page, part) {
  return page.locator(part).waitFor({ state: "visible" });
}

// The link in the last message to an address.
async function linkOf(address) {
  for (;;) {
    const letters = await (await fetch(`${url}/dev/mail?format=json`)).json();
    const letter = letters.find(({ to }) => to === address);
    if (letter) return letter.text.split(/\s+/).find((word) => word.startsWith("http"));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
