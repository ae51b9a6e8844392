// The session of the person at the page: signing in, who it is, signing out. It knows the API and nothing of the page.
//
// The access token is held in a private field and nowhere else: not in storage, which every script of the origin and
// the next person at this browser could read, and which would outlive the page. A reload asks for the password again.

// The longest delay that a browser's timer takes, in milliseconds.
const LONGEST_TIMER = 2 ** 31 - 1;

export class Session {
  #token = null;
  #expiry = null;
  #onEnd;

  // `onEnd(reason)` is called when the session ends without having been signed out.
  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  get token() {
    return this.#token;
  }

  // Signs in and answers with the profile; throws an Error whose message may be shown.
  async signIn(email, password) {
    const grant = await call("POST", "/v1/sessions", { body: { email, password } });
    const profile = await call("GET", "/v1/me", { token: grant.access_token });
    this.#token = grant.access_token;
    const lifetime = Math.min(grant.expires_in * 1000, LONGEST_TIMER);
    this.#expiry = setTimeout(() => this.#end("The session has expired. Sign in again."), lifetime);
    return profile;
  }

  // Ends the session on the server too. The token is forgotten even when the server cannot be reached.
  async signOut() {
    const token = this.#forget();
    await call("DELETE", "/v1/sessions/current", { token });
  }

  // Asks whether the token still holds: a 401 elsewhere may also mean that one operation wants more than a token.
  async check() {
    const token = this.#token;
    if (!token) return;
    try {
      await call("GET", "/v1/me", { token });
    } catch (refusal) {
      // The answer speaks of the token that was asked about; another may have come since.
      if (refusal.status === 401 && token === this.#token) this.#end("The session has ended. Sign in again.");
    }
  }

  #end(reason) {
    this.#forget();
    this.#onEnd(reason);
  }

  #forget() {
    const token = this.#token;
    clearTimeout(this.#expiry);
    this.#token = null;
    return token;
  }
}

class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, { token, body }) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  // Cookies stay out, so that what works here works by its token alone.
  const request = { method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store" };
  const response = await fetch(path, request).catch(() => {
    throw new Refusal("The service does not answer.", null);
  });
  if (!response.ok) throw new Refusal(await reasonOf(response), response.status);
  return response.status === 204 ? null : response.json();
}

// What an RFC 9457 problem says, or the bare status when something else answered.
async function reasonOf(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The service answered ${response.status}.`;
}
