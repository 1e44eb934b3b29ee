autocmd BufNewFile,BufRead *.tw setfiletype tw
