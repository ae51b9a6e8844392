// How the page talks to the service: calls, what they are refused with, and sign-in as an OAuth 2 client.

// Between leaving for the sign-in page and coming back, and not a moment longer.
const KEPT = "docs-sign-in";
const CLIENT = "docs";

export class Refusal extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// Calls the API: with a JSON `body` or a `form`, and a bearer token where there is one.
export async function call(method, path, { token, body, form } = {}) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const sent = form ? new URLSearchParams(form) : body && JSON.stringify(body);
  // Cookies stay out, so that what works here works by its token alone.
  const request = { method, headers, body: sent, credentials: "omit", cache: "no-store" };
  const response = await fetch(path, request).catch(() => {
    throw new Refusal("The service does not answer.", null, null);
  });
  if (!response.ok) throw await refusalOf(response);
  return response.status === 204 ? null : response.json();
}

// What an RFC 9457 problem says, or the bare status when something else answered.
async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  const message = problem.detail ?? problem.title ?? `The service answered ${response.status}.`;
  return new Refusal(message, response.status, problem.code);
}

// Leaves for the sign-in page (RFC 6749 §4.1.1, RFC 7636 §4.3).
export async function leaveForSignIn() {
  const server = await metadata();
  const redirect = `${server.issuer}/docs`;
  if (new URL(redirect).origin !== location.origin) {
    throw new Refusal(`This service is known as ${server.issuer}: open ${redirect} and sign in there.`, null, null);
  }
  const [state, verifier] = [randomText(), randomText()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(KEPT, JSON.stringify({ state, verifier, redirect }));
  location.assign(
    `${server.authorization_endpoint}?${new URLSearchParams({
      response_type: "code",
      client_id: CLIENT,
      redirect_uri: redirect,
      // The page tries every operation: it asks for all that the person may do.
      scope: "all",
      state,
      code_challenge: base64url(digest),
      code_challenge_method: "S256",
    })}`,
  );
}

// The tokens of somebody who comes back from the sign-in page; null for everybody else.
export async function returnFromSignIn() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return null;
  // A code is good once: it does not stay in the address bar or the history.
  history.replaceState(null, "", location.pathname + location.hash);
  const server = await metadata();
  // An answer that was not asked for, or comes from somebody else (RFC 9207), is none.
  if (!kept || answer.get("state") !== kept.state || answer.get("iss") !== server.issuer) {
    throw new Refusal("That was no answer to a sign-in of this page. Sign in again.", null, null);
  }
  if (answer.has("error")) throw new Refusal(answer.get("error_description") ?? answer.get("error"), null, null);
  return call("POST", "/oauth/token", {
    form: {
      grant_type: "authorization_code",
      client_id: CLIENT,
      code: answer.get("code"),
      redirect_uri: kept.redirect,
      code_verifier: kept.verifier,
    },
  });
}

// The next tokens of a session that began on the sign-in page.
export function refreshAsClient(refreshToken) {
  const form = { grant_type: "refresh_token", client_id: CLIENT, refresh_token: refreshToken };
  return call("POST", "/oauth/token", { form });
}

function metadata() {
  return call("GET", "/.well-known/oauth-authorization-server");
}

// 256 random bits.
function randomText() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
