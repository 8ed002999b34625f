;; arawn, an AI assistant over LSP. Written by `arawn setup emacs`.
;; lsp-mode: select code, then `lsp-execute-code-action'.
(with-eval-after-load 'lsp-mode
  (lsp-register-client
   (make-lsp-client :server-id 'arawn
                    :new-connection (lsp-stdio-connection '("@ARAWN@" "lsp"))
                    :activation-fn (lambda (_file _mode) t)
                    :add-on? t
                    :priority -2
                    :multi-root t)))
;; Eglot: select code, then `eglot-code-actions'. At the end, for modes that have no other server.
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '((prog-mode text-mode) . ("@ARAWN@" "lsp")) t))
