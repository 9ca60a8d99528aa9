// A page that fails takes nothing with it: the header stays, and says what to do.
import { Component, type ComponentChildren } from "preact";

export class Failsafe extends Component<
  { children: ComponentChildren },
  { failed: string | null }
> {
  override state = { failed: null };

  static override getDerivedStateFromError(error: unknown): { failed: string } {
    return { failed: String(error) };
  }

  override render() {
    if (this.state.failed === null) return this.props.children;
    return (
      <main id="main">
        <h1 tabIndex={-1}>This page failed</h1>
        <p>The fault is Fluxhook's: {this.state.failed}</p>
        <button type="button" onClick={() => this.setState({ failed: null })}>
          Try again
        </button>
      </main>
    );
  }
}
