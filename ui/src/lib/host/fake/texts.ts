// The recorded text of a runbook.

export const restartText = `runbook: restart-service
title: Restart a service
summary: Restarts one systemd unit, batch by batch, and proves that it serves again.
kind: operation
owner: platform
stewardship: customer
reviewed: 2026-11-12
targets: role=web
inputs:
  unit: { type: string, pattern: '[A-Za-z0-9@:._-]+', default: nginx.service, title: systemd unit }
  settle:
    type: duration
    default: 10s
    help: How long the service may take to serve again.
rollout:
  batches: [1, 10%, 50%, 100%]   # canary, then the ramp
  spread: site
  max_failed: 2%
  max_unreachable: 10%
  hold: 30s
steps:
  - id: before
    title: Note the process
    effect: read
    timeout: 20s
    run: systemctl show -p MainPID --value {{ unit }}
    capture: { old_pid: stdout }
  - id: restart
    title: Restart the unit
    sudo: true
    timeout: 60s
    run: |
      # The unit is told, and then looked at.
      systemctl restart {{ unit }}
    undo: none
    verify:
      run: systemctl is-active {{ unit }}
      expect: { stdout: active }
      within: 30s
`;
