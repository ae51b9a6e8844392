// The session of the person at the page: signing in, who it is, staying signed in, signing out. It knows the API and
// nothing of the page.
//
// The tokens are held in private fields and nowhere else: not in storage, which every script of the origin and the next
// person at this browser could read, and which would outlive the page. A reload asks to sign in again.

import { call, refreshAsClient, returnFromSignIn } from "./client.js";

// The longest delay that a browser's timer takes, and how long before its end a token is exchanged, in milliseconds.
const LONGEST_TIMER = 2 ** 31 - 1;
const EARLY = 30_000;

export class Session {
  #token = null;
  #refreshToken = null;
  #refresh = null;
  #timer = null;
  #onToken;
  #onEnd;

  // `onToken(token)` is called with each new token; `onEnd(reason)` when the session ends without having been signed out.
  constructor(onToken, onEnd) {
    this.#onToken = onToken;
    this.#onEnd = onEnd;
  }

  // Signs in and answers with the profile; throws an Error whose message may be shown. `code` is that of a second factor.
  async signIn(email, password, code) {
    const body = { email, password };
    if (code) body.code = code;
    return this.#begin(await call("POST", "/v1/sessions", { body }), (refresh_token) =>
      call("POST", "/v1/sessions/current/refresh", { body: { refresh_token } }),
    );
  }

  // Goes on where the sign-in page was left; answers with the profile, or null when nobody comes from there.
  async resume() {
    const tokens = await returnFromSignIn();
    return tokens && this.#begin(tokens, refreshAsClient);
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

  async #begin(tokens, refresh) {
    const profile = await call("GET", "/v1/me", { token: tokens.access_token });
    this.#refresh = refresh;
    this.#take(tokens);
    return profile;
  }

  #take(tokens) {
    this.#token = tokens.access_token;
    this.#refreshToken = tokens.refresh_token;
    const lifetime = Math.max(tokens.expires_in * 1000 - EARLY, 1000);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renew(), Math.min(lifetime, LONGEST_TIMER));
    this.#onToken(this.#token);
  }

  async #renew() {
    const before = this.#refreshToken;
    try {
      const tokens = await this.#refresh(before);
      // Whoever signed out meanwhile stays signed out.
      if (before === this.#refreshToken) this.#take(tokens);
    } catch {
      if (before === this.#refreshToken) this.#end("The session has ended. Sign in again.");
    }
  }

  #end(reason) {
    this.#forget();
    this.#onEnd(reason);
  }

  #forget() {
    const token = this.#token;
    clearTimeout(this.#timer);
    this.#token = this.#refreshToken = this.#refresh = null;
    return token;
  }
}
