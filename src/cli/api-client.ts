// The commands' way to the API: JSON in, JSON out, and a problem document becomes its message.

export class ApiClient {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** @throws Error with the problem's words. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      proxy: false,
    });
    if (response.status === 204) return undefined as T;
    const answer = (await response.json()) as { detail?: string; title?: string };
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${answer.detail ?? answer.title}`);
    }
    return answer as T;
  }
}
