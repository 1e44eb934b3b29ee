"""usage: step.py LAYERS HEADS WIDTH CONTEXT ROWS BATCH: milliseconds of processor time of a step of
training the same model in PyTorch, one thread: forward, backward, AdamW. The median of 15."""

import sys
import time

import torch
import torch.nn.functional as F

layers, heads, wide, context, rows, batch = map(int, sys.argv[1:])
torch.set_num_threads(1)
torch.manual_seed(1)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1 = torch.nn.LayerNorm(wide)
        self.qkv = torch.nn.Linear(wide, 3 * wide)
        self.o = torch.nn.Linear(wide, wide)
        self.ln2 = torch.nn.LayerNorm(wide)
        self.fc = torch.nn.Linear(wide, 4 * wide)
        self.proj = torch.nn.Linear(4 * wide, wide)
        self.register_buffer("mask", torch.tril(torch.ones(context, context)) == 0)

    def forward(self, x):
        q, k, v = self.qkv(self.ln1(x)).split(wide, 2)
        q, k, v = (t.view(batch, context, heads, -1).transpose(1, 2) for t in (q, k, v))
        score = (q @ k.transpose(2, 3)) * (wide // heads) ** -0.5
        seen = F.softmax(score.masked_fill(self.mask, -1e9), dim=-1) @ v
        x = x + self.o(seen.transpose(1, 2).reshape(batch, context, wide))
        y = self.fc(self.ln2(x))
        y = 0.5 * y * (1 + torch.tanh(0.7978845608028654 * (y + 0.044715 * y * y * y)))
        return x + self.proj(y)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = torch.nn.Embedding(rows, wide)
        self.wpe = torch.nn.Embedding(context, wide)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(layers))
        self.lnf = torch.nn.LayerNorm(wide)

    def forward(self, token):
        x = self.wte(token) + self.wpe(torch.arange(context))
        for block in self.blocks:
            x = block(x)
        return self.lnf(x) @ self.wte.weight.T


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
times = []
for step in range(17):
    token = torch.randint(rows, (batch, context + 1))
    begin = time.process_time()
    loss = F.cross_entropy(model(token[:, :-1]).reshape(-1, rows), token[:, 1:].reshape(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    times.append((time.process_time() - begin) * 1e3)
print(f"{sorted(times[2:])[7]:.1f}")
