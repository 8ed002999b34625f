cd editors/vscode
npm ci && npm run package
code --install-extension arawn.vsix
