// Calls from these pages to the service. The session is in a cookie, which no script can read.

export class Refusal extends Error {
  constructor(message, status, problem = {}) {
    super(message);
    this.status = status;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
    this.second_factors = problem.second_factors ?? [];
  }
}

// Returns the body, or throws a Refusal whose message can be shown to the person.
export async function call(method, path, body) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (body) headers["Content-Type"] = "application/json";
  const request = { method, headers, body: body && JSON.stringify(body), credentials: "same-origin", cache: "no-store" };
  const response = await fetch(path, request).catch(() => {
    throw new Refusal("The service is not responding. Check your connection and try again.", null);
  });
  if (response.ok) return response.status === 204 || response.status === 202 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Refusal(messageOf(problem, response), response.status, problem);
}

function messageOf(problem, response) {
  const wait = Number(response.headers.get("Retry-After"));
  if (response.status === 429 && wait > 0) return `Too many attempts. Try again in ${inWords(wait)}.`;
  const details = (problem.errors ?? []).map((error) => sentence(error.detail)).join(" ");
  return details || (problem.detail && sentence(problem.detail)) || problem.title || `The service responded with status ${response.status}.`;
}

function inWords(seconds) {
  const [count, unit] = seconds < 90 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

// Replaces code formatting with quotation marks, for people.
function sentence(text) {
  const plain = text.replaceAll(/`([^`]*)`/g, "“$1”");
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}${/[.!?]$/.test(plain) ? "" : "."}`;
}
