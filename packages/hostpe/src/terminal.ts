// Where a command prints.

export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}
